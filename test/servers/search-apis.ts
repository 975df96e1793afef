import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A server that answers as a search API would, and what it was asked. */
export interface ApiServer {
  address: string;
  asked: URL[];
  close: () => Promise<void>;
}

/** What a server answers: JSON with a status and headers. */
export interface Answer {
  status?: number;
  headers?: Record<string, string>;
  body: unknown;
}

/** Starts a server on 127.0.0.1 that answers with what `answer` returns for the request's address. */
export async function startApi(answer: (url: URL, count: number) => Answer): Promise<ApiServer> {
  const asked: URL[] = [];
  const server = createServer((request, response: ServerResponse) => {
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    asked.push(url);
    const { status = 200, headers = {}, body } = answer(url, asked.length);
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api`,
    asked,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A file of Commons as the API describes it (formatversion 2, iiprop=url|size|mime|timestamp|user|extmetadata). */
export function commonsFile(name: string, description: string, more: Record<string, unknown> = {}) {
  const value = (text: string) => ({ value: text, source: "commons-desc-page", hidden: "" });
  const path = name.replaceAll(" ", "_");
  return {
    pageid: 1,
    ns: 6,
    title: `File:${name}`,
    index: 1,
    imagerepository: "local",
    imageinfo: [
      {
        timestamp: "2012-05-03T10:00:00Z",
        user: "Uploader",
        size: 123_456,
        width: 3000,
        height: 2000,
        thumburl: `https://upload.example/thumb/${path}/1024px-${path}`,
        thumbwidth: 1024,
        thumbheight: 683,
        url: `https://upload.example/${path}`,
        descriptionurl: `https://commons.example/wiki/File:${path}`,
        mime: "image/jpeg",
        extmetadata: {
          ImageDescription: value(description),
          ObjectName: value(name.replace(/\.\w+$/, "")),
          Artist: value('<a href="//commons.example/wiki/User:Jane" title="User:Jane">Jane Doe</a>'),
          LicenseShortName: value("CC BY-SA 4.0"),
          LicenseUrl: value("https://creativecommons.org/licenses/by-sa/4.0"),
        },
        ...more,
      },
    ],
  };
}
