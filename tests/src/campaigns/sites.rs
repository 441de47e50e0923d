//! Every call site, each fault: one fault a walk, in every place where a function calls AWS.

use std::collections::BTreeSet;

use anyhow::Result;

use super::{Rig, Row, none_may_fail};
use crate::{
    faults::{Fault, Site, Strike},
    oracle::Findings,
};

/// A rig is renewed after so many walks: its clients' retry budgets (SDK: 500 tokens, 5 to 10 a retry) would run dry,
/// and the campaign would meet clients that don't retry any more.
const WALKS_PER_RIG: usize = 40;

/// Strikes each site with each fault, once for each seed. `every` leaves out all but each n-th pair, for a short campaign.
pub async fn sites(seeds: std::ops::Range<u64>, every: usize) -> Result<Row> {
    let mut row = Row::new("every call site x each fault");
    let mut rig = Rig::start(None).await?;
    rig.net.begin(Vec::new());
    let clean = rig.walk(0).await;
    anyhow::ensure!(clean.violations.is_empty(), "without any fault: {:?}", clean.violations);
    let sites: BTreeSet<Site> = rig.net.log().into_iter().map(|answered| answered.site).collect();
    let mut walks = 0;
    for seed in seeds {
        let pairs = sites.iter().flat_map(|site| Fault::ALL.map(|fault| (site, fault)));
        // Another seed, another part of the pairs.
        for (site, fault) in pairs.skip(usize::try_from(seed)? % every).step_by(every) {
            if walks == WALKS_PER_RIG {
                (rig, walks) = (Rig::start(None).await?, 0);
            }
            walks += 1;
            let findings = strike(&rig, site, fault, seed).await;
            row.add(findings, || format!("--site '{site}' --fault {fault:?} --seed {seed}"));
        }
    }
    row.figures.insert("sites".into(), u32::try_from(sites.len())?.into());
    Ok(row)
}

/// One site, one fault, on a rig of its own: what a failing line says to run again.
pub async fn strike_once(site: &str, fault: &str, seed: u64) -> Result<Findings> {
    let rig = Rig::start(None).await?;
    rig.net.begin(Vec::new());
    rig.walk(0).await;
    let site = rig.net.log().into_iter().map(|answered| answered.site).find(|known| known.to_string() == site);
    let fault = Fault::ALL.into_iter().find(|known| format!("{known:?}") == fault);
    let (Some(site), Some(fault)) = (site, fault) else { anyhow::bail!("There is no such site or fault") };
    Ok(strike(&rig, &site, fault, seed).await)
}

async fn strike(rig: &Rig, site: &Site, fault: Fault, seed: u64) -> Findings {
    // Once, so that the SDK's retry goes through; all its attempts, so that the job fails; or two tries of the job.
    let times = [1, 4, 8][usize::try_from(seed % 3).unwrap_or(0)];
    rig.net.begin(vec![Strike { site: site.clone(), fault, times }]);
    let mut findings = rig.walk(seed).await;
    let mail_unheard = site.call.operation == "SendEmail";
    if !mail_unheard && !(site.function == "archive-builder" && times == 8) {
        none_may_fail(&mut findings);
    }
    rig.net.begin(Vec::new());
    findings
}
