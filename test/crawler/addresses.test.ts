import assert from "node:assert/strict";
import { test } from "node:test";
import { addressCheck } from "../../crawler/addresses.ts";

const PRIVATE = [
  "0.0.0.0",
  "10.0.0.1",
  "100.64.0.1",
  "127.0.0.1",
  "127.255.255.255",
  "169.254.169.254",
  "172.16.0.1",
  "172.31.255.255",
  "192.0.0.1",
  "192.0.2.1",
  "192.168.1.1",
  "198.18.0.1",
  "198.51.100.1",
  "203.0.113.1",
  "224.0.0.1",
  "240.0.0.1",
  "255.255.255.255",
  "::",
  "::1",
  "::ffff:10.0.0.1",
  "::ffff:7f00:1",
  "64:ff9b::a00:1",
  "100::1",
  "2001::1",
  "2001:db8::1",
  "2002:a00:1::",
  "3fff::1",
  "fc00::1",
  "fd00::1",
  "fe80::1",
  "fe80::1%eth0",
  "ff02::1",
  "5f00::1",
  "not an address",
  "",
];
const PUBLIC = [
  "1.1.1.1",
  "8.8.8.8",
  "100.63.255.255",
  "172.15.0.1",
  "172.32.0.1",
  "192.169.0.1",
  "223.255.255.255",
  "2606:4700::1111",
  "2a00:1450::1",
  "::ffff:8.8.8.8",
];

test("only public unicast addresses may be dialled", () => {
  const check = addressCheck([]);
  for (const address of PRIVATE) assert.equal(check(address), false, address);
  for (const address of PUBLIC) assert.equal(check(address), true, address);
});

test("--allow-private opens its range and no other", () => {
  const check = addressCheck(["127.0.0.0/8", "fd00::/8", "10.1.2.3"]);
  for (const address of ["127.0.0.1", "::ffff:127.0.0.1", "fd00::1", "10.1.2.3", "8.8.8.8"])
    assert.equal(check(address), true, address);
  for (const address of ["10.1.2.4", "169.254.169.254", "::1", "fe80::1"]) assert.equal(check(address), false, address);
  for (const range of ["127.0.0.0/33", "10/8", "x", "fd00::/129"])
    assert.throws(() => addressCheck([range]), /--allow-private/, range);
});
