/** Below the ports that systems give away by themselves. */
export const OWN_PORT = 18_080;

/**
 * An address of loopback that is this process's own. Which pairs are chosen depends on a hash of their addresses, and so on the
 * port in them: with an address of its own a server has the same port in every run, also beside others.
 */
export const OWN_ADDRESS = `127.${64 + (process.pid >> 16)}.${(process.pid >> 8) & 255}.${process.pid & 255}`;
