
(() => {
  // The file starts by itself; the link stays for a second try.
  const start = document.querySelector("a[data-start]");
  if (start) location.assign(start.href);

  // A waiting page looks again every few seconds, and later less often.
  let wait = 3000;
  const look = async () => {
    if (!document.querySelector("[data-poll]")) return;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const main = fresh.querySelector("main");
      if (answer.status < 500 && main) {
        // Only a page that is loaded may show pictures: its Content-Security-Policy names their origin.
        if (!main.querySelector("[data-poll]")) return location.replace(location.href);
        // The rest stays, and with it the focus.
        document.querySelector("[role=status]").replaceChildren(...main.querySelector("[role=status]").childNodes);
        document.querySelector("progress").replaceWith(main.querySelector("progress"));
      }
    } catch { /* Offline: the next look may succeed. */ }
    wait = Math.min(wait * 1.2, 30000);
    setTimeout(look, wait);
  };
  setTimeout(look, wait);

  // Phones hand the photo to their photo library.
  const form = document.querySelector("form[data-share]");
  const probe = form && new File([""], form.dataset.name, { type: form.dataset.type });
  if (!form || !navigator.canShare || !matchMedia("(pointer: coarse)").matches || !navigator.canShare({ files: [probe] })) return;
  const button = form.querySelector("button");
  button.textContent = form.dataset.share;
  let file;
  form.addEventListener("submit", async event => {
    event.preventDefault();
    button.disabled = true;
    button.textContent = form.dataset.wait;
    try {
      if (!file) {
        const answer = await fetch(form.action + "?by=phone", { method: "POST", headers: { accept: "*/*" } });
        if (!answer.ok) throw answer;
        file = new File([await answer.blob()], form.dataset.name, { type: form.dataset.type });
      }
      await navigator.share({ files: [file] });
      button.textContent = form.dataset.share;
    } catch (error) {
      // A large photo takes longer than a tap counts: the second tap shares it.
      if (error.name === "NotAllowedError") button.textContent = form.dataset.again;
      else if (error.name === "AbortError") button.textContent = form.dataset.share;
      else form.submit();
    } finally {
      button.disabled = false;
    }
  });
})();
