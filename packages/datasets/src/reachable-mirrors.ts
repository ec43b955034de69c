/**
 * Asks all mirrors at once and puts the first to answer at the front, the others behind in their order.
 *
 * @param timeout - Milliseconds to wait for the first answer.
 * @returns None when no mirror answers in time; any HTTP answer counts.
 */
export async function reachableMirrors(mirrors: readonly string[], timeout: number): Promise<string[]> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), timeout);
  try {
    const first = await Promise.any(
      mirrors.map(async (mirror) => {
        const response = await fetch(mirror, { method: "HEAD", signal: controller.signal });
        await response.body?.cancel();
        return mirror;
      }),
    );
    return [first, ...mirrors.filter((mirror) => mirror !== first)];
  } catch {
    return [];
  } finally {
    clearTimeout(timer);
    controller.abort();
  }
}
