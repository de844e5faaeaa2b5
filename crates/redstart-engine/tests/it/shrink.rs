//! Making a failing history small: halves, quarters and so on are left out while it still fails.

/// The smallest part of `steps` found for which `fails` holds.
pub(crate) fn smallest<T: Clone>(mut steps: Vec<T>, fails: impl Fn(&[T]) -> bool) -> Vec<T> {
    let mut width = steps.len().div_ceil(2);
    while width > 0 {
        let mut at = 0;
        while at < steps.len() {
            let end = (at + width).min(steps.len());
            let without = [&steps[..at], &steps[end..]].concat();
            match fails(&without) {
                true => steps = without,
                false => at = end,
            }
        }
        width = match width {
            1 => 0,
            _ => width.div_ceil(2),
        };
    }
    steps
}

#[test]
fn what_does_not_matter_is_left_out() {
    let fails = |steps: &[u32]| steps.contains(&7) && steps.contains(&61);
    assert_eq!(smallest((0..100).collect(), fails), [7, 61]);
}
