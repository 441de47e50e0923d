//! Long run of the simulation.
//!
//! ```text
//! cargo bench -p benches --bench simulation -- --seeds 10000 --json rows.json
//! ```

fn main() -> anyhow::Result<()> {
    simulation::command::main()
}
