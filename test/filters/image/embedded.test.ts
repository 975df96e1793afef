import assert from "node:assert/strict";
import { test } from "node:test";
import type { ImageError } from "../../../filters/image/image-error.ts";
import { makePicture } from "../../../filters/image/picture.ts";
import { USUAL } from "./options.ts";
import { photo } from "./photo.ts";

/** An XMP packet around properties of one description. */
function xmp(properties: string, attributes = ""): string {
  return `<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
    <rdf:Description rdf:about="" xmlns:plus="http://ns.useplus.org/ldf/xmp/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:cc="http://creativecommons.org/ns#"
      xmlns:xmpRights="http://ns.adobe.com/xap/1.0/rights/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" ${attributes}>${properties}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>`;
}

const RIGHTS = xmp(`<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">© 2024 A. Example</rdf:li></rdf:Alt></dc:rights>
  <dc:creator><rdf:Seq><rdf:li>Ann Example</rdf:li><rdf:li>Bob Example</rdf:li></rdf:Seq></dc:creator>
  <cc:license rdf:resource="https://creativecommons.org/licenses/by/4.0/"/><photoshop:Credit>Example &amp; Sons</photoshop:Credit>
  <xmpRights:UsageTerms><rdf:Alt><rdf:li xml:lang="x-default">With credit</rdf:li></rdf:Alt></xmpRights:UsageTerms>
  <xmpRights:WebStatement>https://example.org/rights</xmpRights:WebStatement>`);

test("licence, copyright and creator from XMP, in every format that carries it", async () => {
  for (const format of ["jpeg", "png", "webp", "avif"] as const) {
    const bytes = await photo(1, 80, 80).toFormat(format).withXmp(RIGHTS).toBuffer();
    const { rights, optOut } = await makePicture(bytes, USUAL);
    assert.deepEqual(
      rights,
      {
        licence: "https://creativecommons.org/licenses/by/4.0/",
        copyright: "© 2024 A. Example",
        creator: "Ann Example; Bob Example",
        credit: "Example & Sons",
        usageTerms: "With credit",
        statement: "https://example.org/rights",
      },
      format,
    );
    assert.deepEqual(optOut, []);
  }
});

test("EXIF: the author's words stay, the camera and the place go", async () => {
  const bytes = await photo(2, 80, 80)
    .jpeg()
    .withExif({
      IFD0: {
        ImageDescription: "A red boat\u0007 in the harbour",
        Artist: "Ann Example",
        Copyright: "Copyright Ann",
        Make: "Cameras Inc",
        Model: "X-100",
      },
      IFD2: { DateTimeOriginal: "2024:05:06 07:08:09", BodySerialNumber: "12345", CameraOwnerName: "Ann Private" },
      IFD3: { GPSLatitudeRef: "N", GPSLatitude: "51/1 30/1 3230/100" },
    })
    .toBuffer();
  const { exif, rights, image } = await makePicture(bytes, USUAL);
  assert.deepEqual(exif, {
    description: "A red boat in the harbour",
    artist: "Ann Example",
    copyright: "Copyright Ann",
    date: "2024-05-06T07:08:09",
  });
  assert.deepEqual(rights, { copyright: "Copyright Ann", creator: "Ann Example" });
  for (const word of ["Cameras Inc", "Ann", "Exif", "12345"]) assert.ok(!image.includes(word), word);
});

const PLUS = "http://ns.useplus.org/ldf/vocab/";
const SAID: [written: string, packet: string, prohibited: boolean][] = [
  ["element", xmp(`<plus:DataMining>${PLUS}DMI-PROHIBITED</plus:DataMining>`), true],
  ["attribute", xmp("", `plus:DataMining="${PLUS}DMI-PROHIBITED-AIMLTRAINING"`), true],
  ["resource", xmp(`<plus:DataMining rdf:resource="${PLUS}DMI-PROHIBITED-GENAIMLTRAINING"/>`), true],
  ["short", xmp("<plus:DataMining>DMI-PROHIBITED-EXCEPTSEARCHENGINEINDEXING</plus:DataMining>"), true],
  ["see constraint", xmp(`<plus:DataMining>${PLUS}DMI-PROHIBITED-SEECONSTRAINT</plus:DataMining>`), true],
  ["lower case", xmp("<plus:DataMining>dmi-prohibited</plus:DataMining>"), true],
  ["allowed", xmp(`<plus:DataMining>${PLUS}DMI-ALLOWED</plus:DataMining>`), false],
  ["unspecified", xmp(`<plus:DataMining>${PLUS}DMI-UNSPECIFIED</plus:DataMining>`), false],
];

test("PLUS Data Mining: every way of writing every value; obeyed by default, recorded when asked", async () => {
  for (const [written, packet, prohibited] of SAID) {
    const bytes = await photo(3, 80, 80).jpeg().withXmp(packet).toBuffer();
    const recorded = await makePicture(bytes, { ...USUAL, optOut: "record" });
    assert.equal(recorded.optOut.length, prohibited ? 1 : 0, written);
    const obeyed = await makePicture(bytes, USUAL).then(
      () => undefined,
      (error: ImageError) => error,
    );
    assert.equal(obeyed?.reason, prohibited ? "opt_out_metadata" : undefined, written);
    if (prohibited) assert.deepEqual(obeyed?.optOut, recorded.optOut);
  }
});

test("an opt-out is recorded also when the picture is dropped for something else", async () => {
  const bytes = await photo(4, 40, 40)
    .jpeg()
    .withXmp(xmp("<plus:DataMining>DMI-PROHIBITED</plus:DataMining>"))
    .toBuffer();
  await assert.rejects(makePicture(bytes, { ...USUAL, optOut: "record" }), {
    reason: "too_small",
    optOut: ["plus:DataMining DMI-PROHIBITED"],
  });
});

test("broken metadata is left out, the picture stays", async () => {
  const plain = await photo(5, 80, 80).jpeg().toBuffer();
  const withSegment = (marker: number, body: Buffer) => {
    const head = Buffer.from([0xff, marker, (body.length + 2) >> 8, (body.length + 2) & 255]);
    return Buffer.concat([plain.subarray(0, 2), head, body, plain.subarray(2)]);
  };
  const xmpSegment = (text: string) =>
    withSegment(0xe1, Buffer.concat([Buffer.from("http://ns.adobe.com/xap/1.0/\0"), Buffer.from(text)]));
  for (const [name, bytes] of [
    ["exif that ends at once", withSegment(0xe1, Buffer.from("Exif\0\0II*\0"))],
    ["exif with an offset beyond its end", withSegment(0xe1, Buffer.from("Exif\0\0II*\0\xff\xff\xff\x7f", "latin1"))],
    ["exif with 65,535 entries", withSegment(0xe1, Buffer.from("Exif\0\0II*\0\x08\0\0\0\xff\xff", "latin1"))],
    ["xmp that is no xml", xmpSegment("<rdf:RDF <<<< & &unknown; \0\0")],
    ["xmp of 60,000 bytes of open tags", xmpSegment(`<rdf:RDF>${"<a>".repeat(20_000)}`)],
    [
      "iptc of noise",
      withSegment(0xed, Buffer.from("Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\xff\xff\x1c\x02\x74\xff\xff", "latin1")),
    ],
  ] as const) {
    const { width, optOut } = await makePicture(bytes, USUAL);
    assert.deepEqual([name, width, optOut], [name, 80, []]);
  }
});
