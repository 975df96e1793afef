export function cleanCaption(raw: string): string { return raw.replace(/\s+/g, " ").trim().normalize("NFC"); }
