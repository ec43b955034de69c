import { homedir } from "node:os";
import { join } from "node:path";

/** The folder of the user's own data: the option, else the environment's `MMGEN_DATA_DIR`, else none. */
export function dataFolder(option: string | undefined): string | undefined {
  return option ?? (process.env.MMGEN_DATA_DIR || undefined);
}

/** The folder for downloads: the option, else the environment's `MMGEN_CACHE_DIR`, else `mmgen` in the platform's cache. */
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
