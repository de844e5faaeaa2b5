//! Snapshots, well formed or not: they are read to the end or refused at a byte that there is, and
//! what was read of them can be restored.

use redstart_engine::Value;
use redstart_engine::rdb::{Item, Snapshot};

use crate::session::Session;

/// Reads the input as a file.
pub fn run(data: &[u8]) {
    let mut session = Session::new(1);
    let mut read = || {
        let mut snapshot = Snapshot::open(data, 1)?;
        while let Some(item) = snapshot.next_item()? {
            assert!(snapshot.offset() <= data.len() as u64);
            let Item::Key(key) = item else { continue };
            let args = key.restore();
            let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
            assert_eq!(session.call(0, &args), Value::OK);
        }
        Ok(())
    };
    let read: Result<(), redstart_engine::rdb::RdbError> = read();
    if let Err(error) = read {
        assert!(error.offset <= data.len() as u64, "{error}");
    }
    session.finish();
}
