import { remoteAddress } from "./remote-address.js";

/**
 * Asks all mirrors at once; returns them with the first to answer at the front, the others in their order.
 *
 * @param timeout - Milliseconds to wait for the first answer.
 * @returns An empty list when no mirror answers in time, or the signal fires; any HTTP answer counts.
 * @throws a `ConfigError` when a mirror is no address.
 */
export async function reachableMirrors(
  mirrors: readonly string[],
  timeout: number,
  signal?: AbortSignal,
): Promise<string[]> {
  const controller = new AbortController();
  const stop = () => controller.abort();
  const timer = setTimeout(stop, timeout);
  const addresses = mirrors.map((mirror) => remoteAddress(mirror));
  signal?.addEventListener("abort", stop);
  try {
    const first = await Promise.any(
      addresses.map(async ({ url, headers }, i) => {
        const response = await fetch(url, { method: "HEAD", signal: controller.signal, headers });
        await response.body?.cancel();
        return mirrors[i]!;
      }),
    );
    return [first, ...mirrors.filter((mirror) => mirror !== first)];
  } catch {
    return [];
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
    controller.abort();
  }
}
