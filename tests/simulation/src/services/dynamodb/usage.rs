//! Billed capacity.

/// DynamoDB: one write unit per KB of an item.
const WRITE_UNIT: usize = 1024;
/// DynamoDB: one consistent read unit, or half an eventually consistent one, per 4 KB.
const READ_UNIT: usize = 4096;

/// Capacity that the requests to a table consumed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Read units, in halves: an eventually consistent read of 4 KB is one half.
    pub half_read_units: u64,
    /// Write units of the table.
    pub write_units: u64,
    /// Write units of the table's indexes.
    pub index_write_units: u64,
}

impl Usage {
    /// Counts a read of this many bytes.
    pub fn read(&mut self, bytes: usize, consistent: bool) {
        let units = units(bytes, READ_UNIT);
        self.half_read_units += if consistent { 2 * units } else { units };
    }
}

/// Returns the write units of an item of this many bytes.
pub fn write_units(bytes: usize) -> u64 {
    units(bytes, WRITE_UNIT)
}

fn units(bytes: usize, unit: usize) -> u64 {
    u64::try_from(bytes.div_ceil(unit).max(1)).unwrap_or(u64::MAX)
}
