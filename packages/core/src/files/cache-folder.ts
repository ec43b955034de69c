import { homedir } from "node:os";
import { join } from "node:path";

/**
 * The folder of what was fetched and can be fetched again.
 *
 * @param option - What the caller says; where it is undefined, the environment's `MMGEN_CACHE_DIR`, else `mmgen` in the
 *   user's cache: `$XDG_CACHE_HOME`, `~/.cache`, `~/Library/Caches` on macOS, `%LOCALAPPDATA%` on Windows.
 */
export function cacheFolder(option: string | undefined): string {
  return option ?? (process.env.MMGEN_CACHE_DIR || join(platformCache(), "mmgen"));
}

function platformCache(): string {
  if (process.env.XDG_CACHE_HOME) {
    return process.env.XDG_CACHE_HOME;
  }
  switch (process.platform) {
    case "darwin":
      return join(homedir(), "Library", "Caches");
    case "win32":
      return process.env.LOCALAPPDATA ?? join(homedir(), "AppData", "Local");
    default:
      return join(homedir(), ".cache");
  }
}
