/** A gzip file that can be had from several places and is known by its checksum. */
export interface RemoteFile {
  /** Name at the mirrors and in the cache. */
  readonly name: string;
  readonly sha256: string;
  /**
   * What `sha256` is of: the decompressed `content` (default), the same however a mirror compresses it, or the `gzip`
   * file itself, where that is what its publishers and users know.
   */
  readonly sha256Of?: "content" | "gzip" | undefined;
  /** Size of the decompressed content, in bytes. */
  readonly size: number;
}
