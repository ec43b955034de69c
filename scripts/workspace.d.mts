/** A package under `packages/`. */
export interface WorkspacePackage {
  readonly name: string;
  readonly folder: string;
  readonly path: string;
  // biome-ignore lint/suspicious/noExplicitAny: package.json as it stands.
  readonly manifest: Record<string, any>;
}
export const repositoryRoot: string;
export function listPackages(root?: string): WorkspacePackage[];
export function listPrograms(workspacePackage: WorkspacePackage): { name: string; file: string; source: string }[];
export function listEntries(workspacePackage: WorkspacePackage): { subpath: string; source: string }[];
