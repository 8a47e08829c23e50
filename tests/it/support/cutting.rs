//! A proxy before PostgreSQL that cuts the connection at the first COMMIT.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Where the first COMMIT is lost.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Lost {
    OnTheWayThere,
    OnTheWayBack,
}

/// Passes connections on to `port`; the one that carries the first COMMIT is cut.
pub(crate) async fn cutting_proxy(port: u16, lost: Lost) -> u16 {
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
