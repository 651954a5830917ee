import { useEffect, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { useMedia, WIDE } from "../ui/media";
import { ConnectionPill } from "./ConnectionPill";
import { Preferences } from "./Preferences";

interface PageHeaderProps {
  /** for the browser's tab */
  title: string;
  children: ReactNode;
}

/** A page's title, and whether what it shows is live. */
export function PageHeader({ title, children }: PageHeaderProps) {
  const { t } = useTranslation();
  const wide = useMedia(WIDE);
  useEffect(() => {
    document.title = t("app.title", { page: title });
  }, [t, title]);
  return (
    <header className="sticky top-0 z-30 flex min-h-13 shrink-0 flex-wrap items-center justify-between gap-x-4 gap-y-1 border-b border-line bg-ground px-4 py-2 md:px-6">
      <div className="min-w-0">{children}</div>
      <div className="flex items-center gap-1.5">
        <ConnectionPill />
        {wide ? null : <Preferences side="bottom" />}
      </div>
    </header>
  );
}
