//! A panic must be answered: one bad message of a batch would otherwise take the whole invocation with it.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Result, ensure};

/// Tells the smallest function to panic, and then to go on.
pub fn is_answered(hello: &Path) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut child = Command::new(hello)
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", listener.local_addr()?.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", "hello")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let mut events = [r#"{"panic":true}"#, "{}"].into_iter();
    let mut answers = Vec::new();
    while answers.len() < 2 {
        let (mut stream, _) = listener.accept()?;
        // One request a connection: an abort closes it, and the next accept would wait for ever.
        let line = request(&stream)?;
        if line.contains("/invocation/next") {
            let Some(event) = events.next() else { break };
            let head = "HTTP/1.1 200 OK\r\nlambda-runtime-aws-request-id: 1\r\nlambda-runtime-deadline-ms: 9999999999999\r\n\
                        lambda-runtime-invoked-function-arn: arn:aws:lambda:us-east-1:0:function:hello\r\n\
                        content-type: application/json\r\nconnection: close\r\n";
            write!(stream, "{head}content-length: {}\r\n\r\n{event}", event.len())?;
            ensure!(!ends(&mut child), "{} aborted: it was not built to unwind", hello.display());
        } else {
            write!(stream, "HTTP/1.1 202 Accepted\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")?;
            answers.push(line);
        }
    }
    child.kill()?;
    child.wait()?;
    ensure!(answers[0].contains("/error") && answers[1].contains("/response"), "{answers:?}");
    Ok(())
}

/// The first line; the rest is read and forgotten.
fn request(stream: &TcpStream) -> Result<String> {
    let mut reader = BufReader::new(stream);
    let (mut first, mut length) = (String::new(), 0);
    reader.read_line(&mut first)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse()?;
        }
    }
    std::io::copy(&mut reader.take(length), &mut std::io::sink())?;
    Ok(first)
}

/// Does it end within a moment?
fn ends(child: &mut Child) -> bool {
    std::thread::sleep(Duration::from_millis(300));
    child.try_wait().is_ok_and(|ended| ended.is_some())
}
