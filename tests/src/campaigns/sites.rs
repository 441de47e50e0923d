//! Every call site with each fault: one fault per run, at every place where a function calls AWS.

use std::collections::BTreeSet;

use anyhow::Result;
use futures::{StreamExt as _, stream};

use super::{Rig, Row, none_may_fail};
use crate::{
    faults::{Fault, Site, Strike},
    oracle::Findings,
};

/// The campaign's name.
pub const SITES: &str = "every call site x each fault";

/// The most runs per rig. After more, its clients' retry budgets (SDK: 500 tokens, 5 to 10 per retry) would be used up,
/// and the clients would stop retrying.
const WALKS_PER_RIG: usize = 40;

/// The number of concurrent rigs. Most of a run is spent waiting for clients' time limits.
const RIGS_AT_ONCE: usize = 24;

/// Applies each fault to each site once. `every` selects each n-th pair, for a short campaign.
pub async fn sites(seed: u64, every: usize) -> Result<Row> {
    let mut row = Row::new(SITES);
    let sites = all_sites().await?;
    let pairs = sites.iter().flat_map(|site| Fault::ALL.map(|fault| (site.clone(), fault, seed)));
    // Another seed selects another part of the pairs.
    let strikes: Vec<_> = pairs.skip(usize::try_from(seed)? % every).step_by(every).collect();
    let walks = strikes.len().div_ceil(RIGS_AT_ONCE).clamp(1, WALKS_PER_RIG);
    let mut rigs = stream::iter(strikes.chunks(walks).map(<[_]>::to_vec).map(on_one_rig).collect::<Vec<_>>())
        .buffer_unordered(RIGS_AT_ONCE);
    while let Some(struck) = rigs.next().await {
        for ((site, fault, seed), findings) in struck? {
            row.add(&findings, || format!("--site '{site}' --fault {fault:?} --seed {seed}"));
        }
    }
    row.figures.insert("sites".into(), u32::try_from(sites.len())?.into());
    Ok(row)
}

type Struck = ((Site, Fault, u64), Findings);

async fn on_one_rig(strikes: Vec<(Site, Fault, u64)>) -> Result<Vec<Struck>> {
    let rig = Rig::start(None).await?;
    let mut struck = Vec::new();
    for (site, fault, seed) in strikes {
        let findings = strike(&rig, &site, fault, seed).await;
        struck.push(((site, fault, seed), findings));
    }
    Ok(struck)
}

/// Returns the sites of a run without faults.
async fn all_sites() -> Result<BTreeSet<Site>> {
    let rig = Rig::start(None).await?;
    rig.net.begin(Vec::new());
    let clean = rig.walk(0).await;
    anyhow::ensure!(clean.violations.is_empty(), "without any fault: {:?}", clean.violations);
    Ok(rig.net.log().into_iter().map(|answered| answered.site).collect())
}

/// Applies one fault to one site, on a rig of its own. A failing row prints the arguments for this.
pub async fn strike_once(site: &str, fault: &str, seed: u64) -> Result<Findings> {
    let site = all_sites().await?.into_iter().find(|known| known.to_string() == site);
    let fault = Fault::ALL.into_iter().find(|known| format!("{known:?}") == fault);
    let (Some(site), Some(fault)) = (site, fault) else { anyhow::bail!("There is no such site or fault") };
    let rig = Rig::start(None).await?;
    Ok(strike(&rig, &site, fault, seed).await)
}

async fn strike(rig: &Rig, site: &Site, fault: Fault, seed: u64) -> Findings {
    // Once, so that the SDK's retry succeeds; all its attempts, so that the job fails; or two attempts of the job.
    let times = [1, 4, 8][usize::try_from(seed % 3).unwrap_or(0)];
    rig.net.begin(vec![Strike { site: site.clone(), fault, times }]);
    let mut findings = rig.walk(seed).await;
    // An email fails after two sends without a response, and an archive after the fault in both attempts.
    let may_fail = site.call.operation == "SendEmail" || (site.function == "archive-builder" && times == 8);
    if !may_fail {
        none_may_fail(&mut findings);
    }
    rig.net.begin(Vec::new());
    findings
}
