//! Responses below a link, tickets, and what is counted.

use reqwest::{Method, StatusCode};
use serde_json::json;

use super::{browse, delivered, location, page, quiet, shown};

#[tokio::test(flavor = "multi_thread")]
async fn links_survive_what_mail_programs_append() {
    let (app, _, download, link) = delivered(1, quiet()).await;
    for link in [format!("{link}?fbclid=x&utm_source=mail"), format!("{link}/"), format!("{link}/?page=abc&=&%00")] {
        assert_eq!(page(browse(&app, Method::GET, &link, None).await).await.0, 200, "{link}");
        assert_eq!(browse(&app, Method::HEAD, &link, None).await.status(), StatusCode::OK, "{link}");
        let (status, started) = page(browse(&app, Method::POST, &link, Some("")).await).await;
        assert!(status == 200 && started.contains("data-start"), "{link}: {started}");
    }
    assert_eq!(shown(&app, &download).await["download_count"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_below_a_link_are_pages_in_the_browsers_language() {
    let (app, _, _, link) = delivered(1, quiet()).await;
    let forged = format!("{}/d/forged", app.api());
    for (method, url, status) in [
        (Method::GET, forged.clone(), 404),
        (Method::POST, forged.clone(), 404),
        (Method::GET, format!("{link}/nowhere/at/all"), 404),
        (Method::GET, format!("{link}/photo/%ff"), 400),
        (Method::GET, format!("{link}/photo/2"), 404),
        (Method::GET, format!("{link}/photo/0"), 404),
        (Method::GET, format!("{link}/file/forged"), 404),
        (Method::POST, format!("{link}?volume=2"), 404),
        (Method::POST, format!("{link}/size"), 404),
        (Method::PUT, link.clone(), 405),
        (Method::DELETE, link.clone(), 405),
        (Method::POST, format!("{link}/pin"), 415),
    ] {
        let request = app.http().request(method.clone(), &url).header("accept-language", "fr-CH,fr;q=0.9,en;q=0.8");
        let response = request.send().await.unwrap();
        assert!(response.headers().contains_key("content-security-policy"), "{method} {url}");
        let (found, page) = page(response).await;
        assert_eq!(found, status, "{method} {url}");
        let is_known = url.starts_with(&link) && status == 404 && !url.ends_with("all");
        let language = if is_known { "en" } else { "fr" };
        assert!(page.contains(&format!("<html lang=\"{language}\">")), "{method} {url}: {page}");
    }
}

/// Email scanners open links and submit their forms.
#[tokio::test(flavor = "multi_thread")]
async fn submitted_form_counts_nothing_and_its_file_counts_once() {
    let (app, _, download, link) = delivered(2, json!({ "notify": false, "max_downloads": 1 })).await;
    let mut tickets = Vec::new();
    for _ in 0..3 {
        tickets.push(app.ticket(&link).await.unwrap());
    }
    assert_eq!(app.http().head(&tickets[0]).send().await.unwrap().status(), StatusCode::SEE_OTHER);
    assert_eq!(shown(&app, &download).await["download_count"], 0);
    for ticket in &tickets {
        location(&app.http().get(ticket).send().await.unwrap());
    }
    let photo = app.ticket(&format!("{link}/photo/2?by=phone")).await.unwrap();
    location(&app.http().get(&photo).send().await.unwrap());
    let shown = shown(&app, &download).await;
    assert_eq!(shown["download_count"], 1);
    let fetches: Vec<_> = shown["fetches"].as_array().unwrap().iter().map(|it| (&it["by"], &it["volume"])).collect();
    assert_eq!(fetches, [(&json!("zip"), &json!(1)), (&json!("phone"), &json!(null))]);
    assert_eq!(shown["fetches"][1]["variant"], "original");
}

#[tokio::test(flavor = "multi_thread")]
async fn head_of_a_ticket_leads_to_the_size() {
    let (app, _, _, link) = delivered(1, quiet()).await;
    let ticket = app.ticket(&link).await.unwrap();
    let url = location(&app.http().head(&ticket).send().await.unwrap());
    let head = app.http().head(&url).send().await.unwrap();
    assert_eq!(head.status(), StatusCode::OK);
    let size: usize = head.headers()["content-length"].to_str().unwrap().parse().unwrap();
    assert_eq!(size, app.fetch(&link).await.unwrap().len());
}

#[tokio::test(flavor = "multi_thread")]
async fn ticket_opens_one_link_only() {
    let (app, order, _, link) = delivered(1, quiet()).await;
    let (_, other) = app.download("anna", &order, quiet()).await;
    let ticket = app.ticket(&link).await.unwrap();
    let (_, ticket) = ticket.rsplit_once('/').unwrap();
    for ticket in [ticket, &ticket[..ticket.len() / 2], &format!("{ticket}A"), "", "%00"] {
        let response = browse(&app, Method::GET, &format!("{other}/file/{ticket}"), None).await;
        assert_eq!(page(response).await.0, 404, "{ticket}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_that_save_files_do_not_get_the_page_instead() {
    let (app, _, _, link) = delivered(1, quiet()).await;
    for agent in ["curl/8.5.0", "Wget/1.24.5", "aria2/1.37.0"] {
        let get = app.http().get(&link).header("user-agent", agent).header("accept", "*/*");
        assert_eq!(get.send().await.unwrap().status(), StatusCode::NOT_ACCEPTABLE, "{agent}");
    }
}

/// An archive that is deleted behind the page's back: the ticket still redirects, and S3 answers.
#[tokio::test(flavor = "multi_thread")]
async fn missing_pictures_and_archives_break_no_page() {
    let (app, _, download, link) = delivered(2, quiet()).await;
    let path = shown(&app, &download).await["file_path"].as_str().unwrap().to_owned();
    app.s3().delete_object().bucket("downloads").key(&path).send().await.unwrap();
    let (status, shown) = page(browse(&app, Method::GET, &link, None).await).await;
    assert!(status == 200 && shown.matches("<img").count() == 2, "{shown}");
    assert!(app.fetch(&link).await.is_err());
}

/// The photos of an erased order are not known any more.
#[tokio::test(flavor = "multi_thread")]
async fn link_of_an_erased_order_is_gone_on_every_route() {
    let (app, order, _, link) = delivered(1, json!({ "notify": false, "both_sizes": true })).await;
    let ticket = app.ticket(&link).await.unwrap();
    assert_eq!(app.delete("anna", &format!("/orders/{order}")).await.status, StatusCode::NO_CONTENT);
    for (method, url) in [
        (Method::GET, link.clone()),
        (Method::POST, link.clone()),
        (Method::GET, format!("{link}/photo/1")),
        (Method::POST, format!("{link}/photo/1")),
        (Method::POST, format!("{link}/size")),
        (Method::POST, format!("{link}/renew")),
        (Method::GET, ticket.clone()),
        (Method::HEAD, ticket),
    ] {
        let response = browse(&app, method.clone(), &url, Some("")).await;
        assert_eq!(page(response).await.0, 410, "{method} {url}");
    }
}
