//! The connection breaks at COMMIT, before the server has it or before we have its answer.

use rampart::app::demo::fusionpbx::Generation;
use rampart::fusionpbx::{Change, ChangeError, Changed, Scope, Stored};
use rampart::policy::Key;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::fusionpbx::{Database, cluster, open};

/// Where the first COMMIT is lost.
#[derive(Clone, Copy, PartialEq)]
enum Lost {
    OnTheWayThere,
    OnTheWayBack,
}

/// Passes connections on to `port`; the one that carries the first COMMIT is cut.
async fn cutting_proxy(port: u16, lost: Lost) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let cut = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            tokio::spawn(pass(client, server, lost, std::sync::Arc::clone(&cut)));
        }
    });
    address.port()
}

async fn pass(
    mut client: TcpStream,
    mut server: TcpStream,
    lost: Lost,
    cut: std::sync::Arc<std::sync::atomic::AtomicBool>,
) {
    let (mut up, mut down) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let Ok(length @ 1..) = read else { return };
                let is_commit = up[..length].windows(6).any(|word| word == b"COMMIT");
                if is_commit && !cut.swap(true, std::sync::atomic::Ordering::SeqCst) {
                    if lost == Lost::OnTheWayBack {
                        server.write_all(&up[..length]).await.unwrap();
                        let _answer = server.read(&mut down).await;
                    }
                    return;
                }
                if server.write_all(&up[..length]).await.is_err() { return }
            }
            read = server.read(&mut down) => {
                let Ok(length @ 1..) = read else { return };
                if client.write_all(&down[..length]).await.is_err() { return }
            }
        }
    }
}

/// Changes `users.password_length` from 12 to 15 through such a proxy; what came of it, and what is there then.
async fn change_through(lost: Lost) -> (Result<Changed, ChangeError>, String) {
    let database = Database::shipped(Generation::V5_5).await;
    database.grant("ALTER ROLE rampart PASSWORD 'right'").await;
    let port = cutting_proxy(cluster().await.port(), lost).await;
    let fusionpbx = open(format!("postgres://rampart:right@127.0.0.1:{port}/{}", database.name));
    let key = Key::find("users", "password_length").unwrap();
    let readings = fusionpbx.global_policy().await.unwrap();
    let row = readings.iter().find(|reading| reading.key == key).unwrap().row().unwrap().clone();
    let new = Stored { value: Some("15".to_owned()), enabled: true };

    let outcome = fusionpbx.change_setting(&Change { scope: Scope::Global, key, expected: (&row).into(), new }).await;

    let readings = database.fusionpbx().await.global_policy().await.unwrap();
    let now = readings.iter().find(|reading| reading.key == key).unwrap().value().unwrap().to_owned();
    (outcome, now)
}

/// ASVS 2.3.3.
#[tokio::test]
async fn an_answer_lost_after_the_commit_is_found_out_and_told_as_a_success() {
    let (outcome, now) = change_through(Lost::OnTheWayBack).await;

    assert_eq!(outcome.unwrap().after.stored.value.as_deref(), Some("15"));
    assert_eq!(now, "15");
}

#[tokio::test]
async fn a_commit_that_never_arrived_is_told_as_nothing_changed() {
    let (outcome, now) = change_through(Lost::OnTheWayThere).await;

    assert!(matches!(outcome, Err(ChangeError::Unreachable(_))), "{outcome:?}");
    assert_eq!(now, "12");
}
