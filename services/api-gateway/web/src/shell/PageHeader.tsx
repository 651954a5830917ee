import { useEffect, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { useMedia, WIDE } from "../ui/media";
import { ConnectionPill } from "./ConnectionPill";
import { Preferences } from "./Preferences";

interface PageHeaderProps {
  /** for the browser's tab */
  title: string;
  /** one page down: on phones there is no room for more than what it is about */
  deep?: boolean;
  children: ReactNode;
}

/** A page's title, and whether what it shows is live. */
export function PageHeader({ title, deep = false, children }: PageHeaderProps) {
  const { t } = useTranslation();
  const wide = useMedia(WIDE);
  useEffect(() => {
    document.title = t("app.title", { page: title });
  }, [t, title]);
  return (
    <header className="sticky top-0 z-30 flex min-h-13 shrink-0 items-center justify-between gap-x-3 border-b border-line bg-ground px-4 py-2 md:px-6">
      <div className="min-w-0 flex-1">{children}</div>
      <div className="flex shrink-0 items-center gap-1">
        <ConnectionPill />
        {wide || deep ? null : <Preferences side="bottom" />}
      </div>
    </header>
  );
}
