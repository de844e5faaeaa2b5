//! Logs, well formed or not: they are read to the end or refused at a byte that there is, what was
//! read makes no difference to how it is cut into pieces, and its commands can be carried out.

use std::io::Read;

use redstart_engine::{CommandLog, LogError};

use crate::session::Session;

/// Gives its bytes a few at a time.
struct Trickle<'a>(&'a [u8], usize);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.1.min(self.0.len()).min(buffer.len());
        let (now, later) = self.0.split_at(count);
        buffer[..count].copy_from_slice(now);
        self.0 = later;
        Ok(count)
    }
}

type Batches = Vec<Vec<Vec<Vec<u8>>>>;

/// Reads the input as a file.
pub fn run(data: &[u8]) {
    let whole = read(data, data.len().max(1));
    let pieces = read(data, 7);
    assert_eq!(whole.0, pieces.0);
    assert_eq!(place(&whole.1), place(&pieces.1));
    let mut session = Session::new(1);
    for command in whole.0.iter().flatten() {
        let args: Vec<&[u8]> = command.iter().map(Vec::as_slice).collect();
        session.execute(0, &args);
    }
    session.finish();
}

fn place(error: &Option<LogError>) -> Option<(u64, u64)> {
    error
        .as_ref()
        .map(|error| (error.offset, error.batch_offset))
}

fn read(data: &[u8], piece: usize) -> (Batches, Option<LogError>) {
    let (mut log, mut batches) = (CommandLog::new(Trickle(data, piece)), Vec::new());
    loop {
        match log.next_batch() {
            Ok(Some(batch)) => batches.push(batch),
            Ok(None) => return (batches, None),
            Err(error) => {
                assert!(error.batch_offset <= error.offset, "{error}");
                assert!(error.offset <= data.len() as u64, "{error}");
                return (batches, Some(error));
            }
        }
    }
}
