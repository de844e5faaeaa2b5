pub fn rows() -> Result<Vec<crate::report::Row>, String> { Ok(Vec::new()) }
