//! Resolution of host names to public addresses.
//!
//! The connection is made to the addresses that this resolver has checked, so that a name cannot resolve to another address
//! in between (DNS rebinding).

use std::net::IpAddr;

use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns, ResolveDnsError};
use domain::webhook::{Targets, is_public};

/// Resolves names by the system's resolver, and refuses those of private addresses.
#[derive(Debug, Clone, Copy)]
pub struct CheckedResolver(pub Targets);

/// Error: the name resolves to an address that is not public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the name resolves to an address that is not public")]
pub struct NotPublic;

impl ResolveDns for CheckedResolver {
    fn resolve_dns<'a>(&'a self, name: &'a str) -> DnsFuture<'a> {
        DnsFuture::new(async move {
            let found = tokio::net::lookup_host((name, 0)).await.map_err(ResolveDnsError::new)?;
            checked(found.map(|address| address.ip()).collect(), self.0).map_err(ResolveDnsError::new)
        })
    }
}

/// Returns the addresses if all are allowed. One that is not public refuses all: an honest name has none.
fn checked(addresses: Vec<IpAddr>, targets: Targets) -> Result<Vec<IpAddr>, NotPublic> {
    if targets == Targets::Any || addresses.iter().copied().all(is_public) { Ok(addresses) } else { Err(NotPublic) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_private_address_refuses_the_name() {
        let addresses = |list: &[&str]| list.iter().map(|ip| ip.parse().expect("an address")).collect::<Vec<IpAddr>>();
        let public = addresses(&["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"]);
        assert_eq!(checked(public.clone(), Targets::Public), Ok(public));
        for private in ["127.0.0.1", "10.1.2.3", "::1", "::ffff:169.254.169.254"] {
            let mixed = addresses(&["93.184.215.14", private]);
            assert_eq!(checked(mixed.clone(), Targets::Public), Err(NotPublic), "{private}");
            assert_eq!(checked(mixed.clone(), Targets::Any), Ok(mixed));
        }
    }

    #[tokio::test]
    async fn name_of_this_machine_is_refused() {
        let refused = CheckedResolver(Targets::Public).resolve_dns("localhost").await;
        let source = refused.err().and_then(|error| std::error::Error::source(&error).map(ToString::to_string));
        assert_eq!(source, Some(NotPublic.to_string()));
        assert!(CheckedResolver(Targets::Any).resolve_dns("localhost").await.is_ok_and(|found| !found.is_empty()));
    }
}
