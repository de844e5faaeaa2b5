//! Stand-ins until the structures land.
macro_rules! m {
    ($n:ident) => {
        #[derive(Clone, Debug, Default)]
        pub(crate) struct $n;
        impl $n {
            pub(crate) fn new() -> $n {
                $n
            }
            pub(crate) fn len(&self) -> usize {
                0
            }
            pub(crate) fn memory(&self) -> usize {
                0
            }
            pub(crate) fn encoding(&self) -> &'static str {
                ""
            }
        }
    };
}
m!(SortedSet);
