//! Huffman tables (ITU-T T.81, annex C).

/// The Huffman tables in the state of the last scan: four of each class.
#[derive(Debug, Clone, Default)]
pub(super) struct Tables([[Option<Huffman>; 4]; 2]);

impl Tables {
    pub(super) fn dc(&self, id: usize) -> Option<&Huffman> {
        self.0[0].get(id)?.as_ref()
    }

    pub(super) fn ac(&self, id: usize) -> Option<&Huffman> {
        self.0[1].get(id)?.as_ref()
    }

    pub(super) fn read(&mut self, mut segment: &[u8]) {
        while let Some((&class_and_id, rest)) = segment.split_first() {
            let Some((table, rest)) = Huffman::read(rest) else { return };
            if let Some(slot) = self
                .0
                .get_mut(usize::from(class_and_id >> 4))
                .and_then(|all| all.get_mut(usize::from(class_and_id & 15)))
            {
                *slot = Some(table);
            }
            segment = rest;
        }
    }
}

/// The symbols of a Huffman table by their codes.
#[derive(Debug, Clone)]
pub(super) struct Huffman {
    /// For each length of 1 to 16: the code after the last one of that length, and the index of its first symbol.
    pub(super) lengths: [(u32, u32, usize); 16],
    pub(super) symbols: Vec<u8>,
}

impl Huffman {
    /// Reads the counts and symbols of a DHT segment's table (annex C). Returns the table and the rest of the bytes.
    pub(super) fn read(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (counts, rest) = bytes.split_first_chunk::<16>()?;
        let total = counts.iter().map(|&count| usize::from(count)).sum();
        let (symbols, rest) = rest.split_at_checked(total)?;
        let (mut code, mut at) = (0_u32, 0);
        let lengths = counts.map(|count| {
            let first = code;
            let begins_at = at;
            code = (first + u32::from(count)) << 1;
            at += usize::from(count);
            (first, first + u32::from(count), begins_at)
        });
        Some((Self { lengths, symbols: symbols.to_vec() }, rest))
    }

    /// Returns each code, its length and its symbol.
    pub(super) fn codes(&self) -> impl Iterator<Item = (u32, u32, u8)> {
        (1..).zip(&self.lengths).flat_map(|(length, &(first, end, begins_at))| {
            let symbols = self.symbols.get(begins_at..).unwrap_or_default();
            (first..end).zip(symbols).map(move |(code, symbol)| (code, length, *symbol))
        })
    }

    /// Returns the symbol and the length of the code with which 16 bits begin.
    pub(super) fn find(&self, bits: u32) -> Option<(u8, u32)> {
        (1..).zip(&self.lengths).find_map(|(length, &(first, end, begins_at))| {
            let offset = (first..end).contains(&(bits >> (16 - length))).then(|| (bits >> (16 - length)) - first)?;
            Some((*self.symbols.get(begins_at + usize::try_from(offset).ok()?)?, length))
        })
    }
}
