// Renews the parts that change, in place, every ten seconds; without this script the page loads itself anew.
setInterval(async () => {
  if (document.hidden) return;
  try {
    const answer = await fetch(location.href);
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-live]")) {
      const news = fresh.getElementById(part.id);
      if (news && !part.contains(document.activeElement)) part.replaceWith(news);
    }
  } catch { /* The next round tries again; the page says as of when it is. */ }
}, 10000);
