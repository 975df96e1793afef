import type { Page, Shown, Site } from "./catalogue.ts";

const PLACEHOLDER = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==";

/** A page as a site of that kind writes it: eight markups take turns, so that a crawler meets all of them. */
export function renderPage(site: Site, page: Page): string {
  const base = page.markup === 5 ? '<base href="/pictures/">' : "";
  const meta = page.special === "noai" ? '<meta name="robots" content="noai, noimageai">' : "";
  const charset = page.special === "latin1" ? "windows-1252" : "utf-8";
  const items = page.shown.map((shown) => renderShown(site, page, shown)).join("\n");
  // With a base, links must be whole paths.
  const links = page.links
    .map(
      (link) =>
        `<li><a href="${escapeHtml(page.markup === 5 ? new URL(link, `http://${site.host}${page.path}`).pathname : link)}">more</a></li>`,
    )
    .join("");
  return `<!doctype html>
<html lang="en"><head><meta charset="${charset}"><title>${escapeHtml(page.title)}</title>${base}${meta}
<link rel="license" href="${escapeHtml(site.licence)}"></head>
<body><nav><ul>${links}</ul></nav>
<h1>${escapeHtml(page.title)}</h1>
<p>Drawings and photographs, collected with care. Nothing here is for sale.</p>
${items}
<footer><img src="/logo.png" alt=""><img src="${PLACEHOLDER}" alt=""> <a href="mailto:nobody@${site.name}.example">write to us</a></footer>
</body></html>`;
}

function renderShown(site: Site, page: Page, shown: Shown): string {
  const { figcaption, alt, title } = shown.texts;
  const attributes = [
    alt === undefined ? "" : ` alt="${escapeHtml(alt)}"`,
    title === undefined ? "" : ` title="${escapeHtml(title)}"`,
  ].join("");
  const image = renderImage(addressIn(site, page, shown.src), attributes, page.markup % 8);
  if (figcaption === undefined) return `<p>${image}</p>`;
  return `<figure>${image}<figcaption>${escapeHtml(figcaption).replace(" ", "\n  <b></b>")}</figcaption></figure>`;
}

function renderImage(src: string, attributes: string, markup: number): string {
  const url = escapeHtml(src);
  switch (markup) {
    case 1:
      return `<a href="${url}"><IMG SRC='${url}'${attributes}></a>`;
    case 2:
      return `<picture><source type="image/webp" srcset=""><source srcset="/thumbs/small.png 64w, ${url} 300w"><img src="/thumbs/small.png"${attributes}></picture>`;
    case 3:
      return `<img class="lazy" src="${PLACEHOLDER}" data-src="${url}"${attributes}><noscript><img src="${url}"${attributes}></noscript>`;
    case 4:
      return `<img srcset="/thumbs/small.png 1x, ${url} 2x" src="/thumbs/small.png"${attributes}>`;
    default:
      return `<img src="${url}" width="256"${attributes} loading="lazy">`;
  }
}

/** The address in the page's own style: relative, from the root, without the scheme, or whole. */
function addressIn(site: Site, page: Page, src: string): string {
  if (page.markup === 5 && src.startsWith("/pictures/")) return src.slice("/pictures/".length);
  if (page.markup === 6) return `//${site.host}${src}`;
  if (page.markup === 7) return `http://${site.host}${src}#top`;
  if (page.markup === 0 && page.path.startsWith("/gallery/")) return `..${src}`;
  return src;
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;").replaceAll("'", "&#39;");
}

/** sitemap.xml with the given addresses. */
export function renderSitemap(addresses: readonly string[]): string {
  const urls = addresses.map((url) => `<url><loc>${escapeHtml(url)}</loc></url>`).join("");
  return `<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">${urls}</urlset>`;
}
