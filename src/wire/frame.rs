//! Frames: a length of four bytes, big-endian, and that many bytes of JSON.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

/// The largest request: 64 KiB. A chain of ten certificates fits.
pub const MAX_REQUEST_BYTES: u32 = 64 * 1024;

/// The largest answer: 8 MiB. A firewall with tens of thousands of rules fits.
pub const MAX_ANSWER_BYTES: u32 = 8 * 1024 * 1024;

/// Why a frame could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The other side is gone, or the socket failed.
    #[error("the connection failed")]
    Broken(#[from] std::io::Error),
    /// The frame says that it is larger than agreed. Nothing of it was read.
    #[error("a frame of {0} bytes is larger than allowed")]
    TooLarge(u64),
    /// The bytes are not the JSON that was expected.
    #[error("the frame is not what was expected")]
    Malformed(#[from] serde_json::Error),
}

/// Reads one message of at most `limit_bytes`; `None` if the other side has closed between frames.
///
/// # Errors
/// The connection broke inside a frame, the frame is too large, or it holds something else.
pub async fn read<M: DeserializeOwned>(
    from: &mut (impl AsyncRead + Unpin),
    limit_bytes: u32,
) -> Result<Option<M>, FrameError> {
    let mut length = [0_u8; 4];
    match from.read_exact(&mut length).await {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let length = u32::from_be_bytes(length);
    if length > limit_bytes {
        return Err(FrameError::TooLarge(length.into()));
    }
    // Read what comes instead of reserving what is announced.
    let mut body = Vec::new();
    from.take(length.into()).read_to_end(&mut body).await?;
    if u32::try_from(body.len()) != Ok(length) {
        return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
    }
    Ok(Some(serde_json::from_slice(&body)?))
}

/// Writes one message.
///
/// # Errors
/// The connection broke, or the message is larger than `limit_bytes`.
pub async fn write<M: Serialize + Sync>(
    to: &mut (impl AsyncWrite + Unpin + Send),
    message: &M,
    limit_bytes: u32,
) -> Result<(), FrameError> {
    let body = serde_json::to_vec(message)?;
    let length = u32::try_from(body.len()).ok().filter(|length| *length <= limit_bytes);
    let Some(length) = length else {
        return Err(FrameError::TooLarge(body.len() as u64));
    };
    to.write_all(&length.to_be_bytes()).await?;
    to.write_all(&body).await?;
    to.flush().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::call::Call;
    use crate::wire::request::Request;

    #[tokio::test]
    async fn a_message_arrives_as_it_was_sent() {
        let (mut here, mut there) = tokio::io::duplex(1024);

        let call = Call::bare(Request::ReadSsh);

        write(&mut here, &call, MAX_REQUEST_BYTES).await.unwrap();
        let arrived: Option<Call> = read(&mut there, MAX_REQUEST_BYTES).await.unwrap();

        assert_eq!(arrived, Some(call));
    }

    #[tokio::test]
    async fn a_frame_that_announces_too_much_is_refused_before_it_is_read() {
        let mut bytes: &[u8] = &[0xff, 0xff, 0xff, 0xff, b'{'];

        let outcome = read::<Request>(&mut bytes, MAX_REQUEST_BYTES).await;

        assert!(matches!(outcome, Err(FrameError::TooLarge(4_294_967_295))));
    }

    #[tokio::test]
    async fn half_a_frame_is_an_error_and_a_closed_socket_is_not() {
        let mut half: &[u8] = &[0, 0, 0, 9, b'{'];
        let mut closed: &[u8] = &[];

        assert!(matches!(read::<Request>(&mut half, 64).await, Err(FrameError::Broken(_))));
        assert!(matches!(read::<Request>(&mut closed, 64).await, Ok(None)));
    }

    #[tokio::test]
    async fn an_unknown_request_is_malformed() {
        let body = br#"{"request":{"ask":"run","command":"id"}}"#;
        let mut frame = u32::try_from(body.len()).unwrap().to_be_bytes().to_vec();
        frame.extend_from_slice(body);

        assert!(matches!(read::<Call>(&mut frame.as_slice(), 64).await, Err(FrameError::Malformed(_))));
    }
}
