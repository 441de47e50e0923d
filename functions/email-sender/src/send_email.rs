//! The job `send_email`: claim, render from the current records, write `sending`, call SES once, complete.

use std::{convert::Infallible, sync::Arc};

use anyhow::{Result, anyhow};
use aws_smithy_types::error::metadata::ProvideErrorMetadata as _;
use domain::{
    JobError, RecordError, Studio,
    download::Download,
    email::{About, Email, EmailStatus},
    error::QuotaUsedUp,
    event::Event,
    language::Language,
    studio_profile::StudioProfile,
    suppression::Suppression,
};
use emails::{Facts, Rendered, mailbox};
use jiff::Timestamp;
use runtime::{
    aws::{broken_off, failed, is_throttling},
    lease::{Ended, Lease},
    ses::{NewEmail, SesError},
    store::Table,
    worker::JobHandler,
};
use tracing::{Span, info, info_span};
use uuid::Uuid;

use crate::state::State;

/// Handler of the job `send_email`. Its follow-up is the event.
pub struct SendEmail(pub Arc<State>);

impl JobHandler for SendEmail {
    const NAME: &'static str = "send_email";
    type Record = Email;
    type Prepared = ();

    fn table(&self) -> &Arc<Table<Email>> {
        &self.0.emails
    }

    fn span(studio: &Studio, id: Uuid) -> Span {
        info_span!("send_email", %studio, email.id = %id)
    }

    async fn run(&self, lease: Arc<Lease<Email>>, (): &()) -> Result<Email, JobError> {
        send(&self.0, &lease).await
    }

    async fn follow_up(&self, _: (&Studio, Uuid), ended: &Ended<Email>, (): &(), _: Timestamp) -> Result<(), JobError> {
        Ok(self.0.events.publish_all(ended.at_rest.iter().flat_map(Event::of_email)).await?)
    }
}

async fn send(state: &State, lease: &Lease<Email>) -> Result<Email, JobError> {
    let email = &lease.record;
    if email.status == EmailStatus::Sending && !email.reported.is_empty() {
        let sent = lease.change(|email| email.complete_if_reported(lease.by, lease.now()).map(drop)).await?;
        info!(template = sent.message.template(), "SES reported the email whose reply was lost");
        return Ok(sent);
    }
    let about = email.message.about();
    let subject = match state.subjects().load(&email.studio, about).await? {
        Some(subject) if subject.is_erased() => return erase(lease).await,
        Some(subject) if subject.agrees_with(&email.message, lease.now()) => subject,
        None if !matches!(about, About::Webhook(_)) => {
            return Err(JobError::reject("record_gone", "The record that this email is about does not exist anymore."));
        }
        _ => return suppress_outdated(lease).await,
    };
    if let Some(refusal) = suppressed(state, email).await? {
        if let Some(download) = email.message.download().filter(|_| email.message.is_for_customer()) {
            let mark = |download: &mut Download| {
                download.undelivered(&email.to, lease.now());
                Ok::<_, Infallible>(())
            };
            if let Some((download, _)) = state.downloads.update(&email.studio, download, mark).await? {
                state.events.publish_all(Event::of_undelivered(&download)).await?;
            }
        }
        let suppressed = lease.change(|email| email.suppress(lease.by, refusal.clone())).await?;
        info!(template = suppressed.message.template(), "Email not sent: its address is suppressed");
        return Ok(suppressed);
    }
    let studio = state.studios.profile(&email.studio).await?;
    let facts = Facts::new(subject, studio, state.public_url.clone());
    let rendered = emails::render(&email.message, Language::of(&email.locale), &facts)?;
    if email.status == EmailStatus::Sending {
        // The result of the earlier call is unknown, and the email is sent at most once more, but not during an outage
        // of SES.
        let asked = state.ses.answers().await;
        asked.map_err(|error| broken_off("SES does not answer", error))?;
    }
    state.pace.turn(&state.ses, lease.now(), lease.stops_at).await?;
    let begin = |email: &mut Email| email.begin_sending(lease.by, lease.now(), state.report_wait, &rendered.subject);
    lease.change(begin).await?;
    match call_ses(state, email, &facts.studio, &rendered).await {
        Ok(message_id) => {
            let now = lease.now();
            let sent = lease.change(|email| email.complete(lease.by, now, message_id.clone())).await?;
            info!(
                to = sent.to.masked(),
                template = sent.message.template(),
                attempts = sent.work.attempts,
                "Email sent"
            );
            Ok(sent)
        }
        Err(Refused::Certainly(error)) => {
            lease.change(|email| email.not_sent(lease.by)).await?;
            Err(error)
        }
        Err(Refused::Perhaps(error)) => Err(error.into()),
    }
}

async fn erase(lease: &Lease<Email>) -> Result<Email, JobError> {
    let erase = |email: &mut Email| {
        email.work.check(lease.by)?;
        email.erase(lease.now());
        Ok(())
    };
    let erased = lease.change(erase).await?;
    info!(template = erased.message.template(), "Email not sent: its order was erased");
    Ok(erased)
}

/// Suppresses an email whose download was revoked, has expired, is used up or was built again, or whose webhook was enabled
/// or deleted. Each build has an email of its own.
async fn suppress_outdated(lease: &Lease<Email>) -> Result<Email, JobError> {
    let outdated = RecordError::new("outdated", "Not sent: the record changed before the email was due.");
    let suppressed = lease.change(|email| email.suppress(lease.by, outdated.clone())).await?;
    info!(template = suppressed.message.template(), "Email not sent: it is outdated");
    Ok(suppressed)
}

/// Reason why a call did not succeed.
enum Refused {
    /// SES has certainly not accepted the email.
    Certainly(JobError),
    /// SES may have accepted the email. It stays `sending`, and is sent at most once more, marked as a possible
    /// duplicate.
    Perhaps(anyhow::Error),
}

async fn call_ses(
    state: &State,
    email: &Email,
    studio: &StudioProfile,
    rendered: &Rendered,
) -> Result<String, Refused> {
    // The studio itself would reply to itself.
    let reply_to = studio.reply_to.as_ref().filter(|_| email.message.is_for_customer());
    let sent = state.ses.send(NewEmail {
        from: mailbox(&state.from, studio.name.as_deref()),
        to: email.to.as_str().to_owned(),
        reply_to: reply_to.map(|address| address.as_str().to_owned()),
        // RFC 3834, section 5: no out-of-office program answers.
        headers: vec![("Auto-Submitted", "auto-generated")],
        subject: rendered.subject.clone(),
        text: rendered.text.clone(),
        html: rendered.html.clone(),
        configuration_set: state.configuration_set.clone(),
        tags: vec![
            ("darkroom-email", email.id.to_string()),
            ("studio", email.studio.to_string()),
            ("email", email.id.to_string()),
        ],
    });
    sent.await.map_err(sort)
}

fn sort(error: SesError) -> Refused {
    let status = error.raw_response().map_or(0, |response| response.status().as_u16());
    match &error {
        SesError::ConstructionFailure(_) => {
            Refused::Certainly(anyhow::Error::new(error).context("Failed to build a request to SES").into())
        }
        // No connection was made, so SES has not received the email.
        SesError::DispatchFailure(failure)
            if failure.as_connector_error().is_some_and(|e| e.is_io() && is_refused(e)) =>
        {
            Refused::Certainly(failed("Failed to reach SES", error).into())
        }
        SesError::ServiceError(_) if error.code().is_some_and(is_throttling) => {
            Refused::Certainly(failed("SES asked us to slow down", error).context(QuotaUsedUp).into())
        }
        // Expired credentials, missing rights or a paused account: an operator has to correct these.
        SesError::ServiceError(_) if status == 403 || error.code().is_some_and(is_held_back) => {
            let why = without_addresses(error.message().unwrap_or("no reason given"));
            let held_back = anyhow!("{}: {why}", error.code().unwrap_or("Forbidden"));
            Refused::Certainly(broken_off("SES sends no email of ours", held_back).into())
        }
        SesError::ServiceError(_) if (400..500).contains(&status) => {
            let code = error.code().unwrap_or("BadRequest").to_owned();
            let why = without_addresses(error.message().unwrap_or("no reason given"));
            Refused::Certainly(match code.as_str() {
                "MessageRejected" | "BadRequestException" => {
                    JobError::reject("refused_by_ses", format!("The email service refused the email: {why}"))
                }
                _ => anyhow!("SES refused the email: {code}: {why}").into(),
            })
        }
        _ => Refused::Perhaps(failed("SES's answer was not heard", error)),
    }
}

/// Returns whether an error code means that SES sends nothing at all, or nothing from this sender.
fn is_held_back(code: &str) -> bool {
    ["SendingPausedException", "AccountSuspendedException", "MailFromDomainNotVerifiedException"].contains(&code)
}

/// Masks addresses in SES's reasons, so that they do not reach records, logs or operators.
fn without_addresses(reason: &str) -> String {
    let words = reason.split(' ').map(|word| if word.contains('@') { "(address)" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

fn is_refused(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return io.kind() == std::io::ErrorKind::ConnectionRefused;
        }
        cause = error.source();
    }
    false
}

/// Returns why the email's address gets no emails of the studio; `None` if it does.
async fn suppressed(state: &State, email: &Email) -> Result<Option<RecordError>> {
    let id = Suppression::id_of(&email.studio, &email.to);
    Ok(state.suppressions.get(&email.studio, id).await?.and_then(|suppression| suppression.refusal()))
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::{client::orchestrator::HttpResponse, http::StatusCode};
    use aws_smithy_types::{body::SdkBody, error::ErrorMetadata};

    use super::*;

    fn answered(code: &str) -> Refused {
        let error = ErrorMetadata::builder().code(code).message("no").build();
        let status = StatusCode::try_from(400).expect("a status");
        sort(SesError::service_error(error, HttpResponse::new(status, SdkBody::empty())))
    }

    #[test]
    fn exhausted_quota_uses_no_attempt() {
        for code in ["TooManyRequestsException", "ThrottlingException", "Throttling", "LimitExceededException"] {
            let Refused::Certainly(error @ JobError::Unavailable(_)) = answered(code) else { panic!("{code}") };
            assert!(error.is_quota(), "{code}");
        }
        assert!(matches!(answered("MessageRejected"), Refused::Certainly(JobError::Reject(_))));
        let Refused::Certainly(error @ JobError::Unavailable(_)) = answered("SendingPausedException") else { panic!() };
        assert!(!error.is_quota());
    }
}
