import type { WorkspacePackage } from "./workspace.mjs";

export function unpublishedPackages(
  packages: readonly WorkspacePackage[],
  isPublished: (name: string, version: string) => boolean,
): WorkspacePackage[];

export function isPublishedVersion(
  answer: { readonly status: number | null; readonly stdout: string; readonly stderr: string },
  version: string,
): boolean;
