//! ICC profiles in JPEG, which are split into chunks (ICC.1:2022, annex B.4).

use super::MAX_PROFILE_BYTES;

/// Sequence number, number of chunks, data.
type Chunk<'a> = (u8, u8, &'a [u8]);

/// Joins the chunks of a profile, which is complete if it has the length that its own header states. The numbers of
/// chunks determine only their order: some software counts from 0, counts wrongly, or writes chunks twice.
pub(crate) fn join_chunks(chunks: &[Chunk<'_>]) -> Option<Vec<u8>> {
    let mut sorted = chunks.to_vec();
    sorted.sort_by_key(|&(sequence, ..)| sequence);
    sorted.dedup_by_key(|&mut (sequence, ..)| sequence);
    // Equal numbers keep the order of the file.
    complete(&sorted).or_else(|| complete(chunks)).or_else(|| counted(&sorted))
}

/// Joins a profile whose header states a wrong length, if all its chunks exist.
fn counted(chunks: &[Chunk<'_>]) -> Option<Vec<u8>> {
    let &(first, count, _) = chunks.first()?;
    let whole = first <= 1
        && chunks.len() == usize::from(count)
        && chunks.iter().zip(first..).all(|(&(sequence, total, _), next)| sequence == next && total == count);
    whole.then(|| chunks.iter().flat_map(|&(.., data)| data).copied().collect())
}

fn complete(chunks: &[Chunk<'_>]) -> Option<Vec<u8>> {
    let length: usize = chunks.iter().map(|(.., data)| data.len()).sum();
    let first = chunks.first()?.2;
    let stated = u32::from_be_bytes(*first.first_chunk()?) as usize;
    if first.get(36..40) != Some(b"acsp") || stated > length || stated > MAX_PROFILE_BYTES {
        return None;
    }
    let mut profile = Vec::with_capacity(stated);
    for (.., data) in chunks {
        profile.extend_from_slice(&data[..data.len().min(stated - profile.len())]);
    }
    Some(profile)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile() -> Vec<u8> {
        let mut profile: Vec<u8> = (0..=255).collect();
        profile[..4].copy_from_slice(&256_u32.to_be_bytes());
        profile[36..40].copy_from_slice(b"acsp");
        profile
    }

    #[test]
    fn order_and_duplicates_do_not_matter() {
        let whole = profile();
        let (a, b) = whole.split_at(100);
        for chunks in [
            vec![(1, 2, a), (2, 2, b)],
            vec![(2, 2, b), (1, 2, a)],
            vec![(1, 2, a), (1, 2, a), (2, 2, b)],
            vec![(0, 2, a), (1, 2, b)],
            vec![(1, 9, a), (2, 9, b)],
            vec![(1, 1, a), (1, 1, b)],
            vec![(1, 1, &whole[..]), (1, 1, &whole)],
        ] {
            assert_eq!(
                join_chunks(&chunks).as_ref(),
                Some(&whole),
                "{:?}",
                chunks.iter().map(|c| c.0).collect::<Vec<_>>()
            );
        }
    }

    #[test]
    fn incomplete_profiles_are_none() {
        let whole = profile();
        assert_eq!(join_chunks(&[]), None);
        assert_eq!(join_chunks(&[(1, 2, &whole[..100])]), None);
        assert_eq!(join_chunks(&[(2, 2, &whole[100..])]), None);
        assert_eq!(join_chunks(&[(1, 2, b"ab")]), None);
    }
}
