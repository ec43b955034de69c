"use client";

import { useEffect, useRef } from "react";
import { page } from "../page.js";

/** The example's page, whose script starts where its elements are. */
export default function Page() {
  const started = useRef(false);
  useEffect(() => {
    if (!started.current) {
      started.current = true;
      import("../src/main.js");
    }
  }, []);
  return <main dangerouslySetInnerHTML={{ __html: page }} />;
}
