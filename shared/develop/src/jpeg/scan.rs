//! Scans, as their headers describe them.

/// A scan of a sequential JPEG.
#[derive(Debug, Clone)]
pub(super) struct Scan {
    /// Offset of its entropy-coded data.
    pub(super) from: usize,
    pub(super) components: Vec<ScanComponent>,
    /// Units between restart markers; 0 where there are none.
    pub(super) restart_interval: u32,
}

/// One component of a scan.
#[derive(Debug, Clone, Copy)]
pub(super) struct ScanComponent {
    /// Which of the frame's.
    pub(super) index: usize,
    /// Blocks in each unit.
    pub(super) blocks: u32,
    /// Which Huffman tables.
    pub(super) dc: usize,
    pub(super) ac: usize,
}
