//! Folds: parts of the labelled essays that are kept out in turn.

use std::collections::BTreeMap;

/// The fold of every essay, of at most `count`: essays of one group (an author's) are in
/// one fold, and folds are even in `sizes`. There are fewer folds where there are fewer
/// groups.
pub fn folds(groups: &[String], sizes: &[usize], count: usize) -> Vec<usize> {
    let mut by_group: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (essay, group) in groups.iter().enumerate() {
        by_group.entry(group).or_default().push(essay);
    }
    let size = |essays: &[usize]| -> usize { essays.iter().map(|&essay| sizes[essay]).sum() };
    let mut by_size: Vec<Vec<usize>> = by_group.into_values().collect();
    by_size.sort_by_key(|essays| std::cmp::Reverse(size(essays)));
    // Filled by size, and by essays where labels mark nothing.
    let mut filled = vec![(0, 0); count.min(by_size.len()).max(1)];
    let mut folds = vec![0; groups.len()];
    for essays in by_size {
        let fold = (0..filled.len())
            .min_by_key(|&fold| filled[fold])
            .expect("a fold");
        filled[fold].0 += size(&essays);
        filled[fold].1 += essays.len();
        essays.iter().for_each(|&essay| folds[essay] = fold);
    }
    folds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_author_is_in_one_fold_and_folds_are_even() {
        let groups = ["a", "b", "a", "c", "d", "e"].map(str::to_owned);
        let found = folds(&groups, &[5, 9, 4, 3, 3, 3], 2);
        assert_eq!(found[0], found[2]);
        let size = |fold| {
            let own = found
                .iter()
                .zip([5, 9, 4, 3, 3, 3])
                .filter(|(f, _)| **f == fold);
            own.map(|(_, size)| size).sum::<usize>()
        };
        assert_eq!((size(0) + size(1), size(0).abs_diff(size(1))), (27, 3));
        let few = folds(&groups[..3], &[0, 0, 0], 5);
        assert_eq!(few, [0, 1, 0], "no fold is empty");
    }
}
