//! The cases: sets of photos.

/// The photos of an order, by size.
pub struct Case {
    /// The name on the command line and in the rows.
    pub name: &'static str,
    /// The size of each photo in bytes, in the order of the order.
    pub sizes: Vec<u64>,
}

const MB: u64 = 1_000_000;

impl Case {
    /// Returns the cases that are built.
    pub fn all() -> Vec<Self> {
        let case = |name, sizes: &[(usize, u64)]| {
            let sizes = sizes.iter().flat_map(|&(count, size)| std::iter::repeat_n(size, count)).collect();
            Self { name, sizes }
        };
        let mut mix = case("mix", &[(20, 25 * MB), (60, 8 * MB), (400, MB * 2 / 5)]);
        // The kinds follow each other, as in a wedding's photos.
        let len = mix.sizes.len();
        mix.sizes = (0..len).map(|n| mix.sizes[n * 89 % len]).collect();
        vec![
            case("40x25MB", &[(40, 25 * MB)]),
            case("400x8MB", &[(400, 8 * MB)]),
            case("2000x0.4MB", &[(2_000, MB * 2 / 5)]),
            mix,
        ]
    }

    /// Returns the cases that are only modelled, because they need too much disk space.
    pub fn simulated() -> Vec<Self> {
        let case = |name, count| Self { name, sizes: vec![25 * MB; count] };
        vec![case("10000x25MB", 10_000), case("100000x25MB", 100_000)]
    }
}
