import { clsx } from "clsx";
import { Activity, BellRing, Pickaxe } from "lucide-react";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Link, useLocation } from "wouter";

import { FiringBadge } from "../alerts/FiringBadge";
import { Mark } from "./Mark";
import { Preferences } from "./Preferences";

const PLACES = [
  { path: "/", name: "fleet", icon: Pickaxe, within: (at: string) => at === "/" || at.startsWith("/miners/") },
  { path: "/alerts", name: "alerts", icon: BellRing, within: (at: string) => at === "/alerts" },
  { path: "/system", name: "system", icon: Activity, within: (at: string) => at === "/system" },
] as const;

function SideLinks() {
  const { t } = useTranslation();
  const [at] = useLocation();
  return PLACES.map(({ path, name, icon: Icon, within }) => {
    const here = within(at);
    return (
      <li key={path}>
        <Link
          href={path}
          aria-current={here ? "page" : undefined}
          className={clsx(
            "flex h-8 items-center gap-2.5 rounded-md px-2.5 font-medium",
            here ? "bg-raised text-ink" : "text-ink-2 hover:bg-raised/60 hover:text-ink",
          )}
        >
          <Icon aria-hidden size={16} className={here ? "text-accent" : "text-ink-3"} />
          {t(`nav.${name}`)}
          {name === "alerts" ? <FiringBadge /> : null}
        </Link>
      </li>
    );
  });
}

function BottomLinks() {
  const { t } = useTranslation();
  const [at] = useLocation();
  return PLACES.map(({ path, name, icon: Icon, within }) => {
    const here = within(at);
    return (
      <li key={path} className="flex-1">
        <Link
          href={path}
          aria-current={here ? "page" : undefined}
          className={clsx(
            "flex h-14 flex-col items-center justify-center gap-0.5 text-2xs font-medium",
            here ? "text-accent" : "text-ink-2",
          )}
        >
          <span className="relative">
            <Icon aria-hidden size={20} />
            {name === "alerts" ? <FiringBadge compact /> : null}
          </span>
          {t(`nav.${name}`)}
        </Link>
      </li>
    );
  });
}

/** Navigation around a page: at the side, on phones at the bottom. */
export function Shell({ wide, children }: { wide: boolean; children: ReactNode }) {
  const { t } = useTranslation();
  return (
    <>
      <a
        href="#content"
        className="sr-only z-50 rounded-md bg-panel px-3 py-2 focus:not-sr-only focus:fixed focus:top-2 focus:left-2"
      >
        {t("app.skip")}
      </a>
      <div className="flex min-h-dvh md:h-dvh">
        {wide ? (
          <aside className="flex w-44 shrink-0 flex-col border-r border-line px-2.5 py-3">
            <Link href="/" className="mb-4 flex items-center gap-2 rounded-md px-1.5 py-1">
              <Mark />
              <span className="text-[0.9375rem] font-semibold tracking-tight">{t("app.name")}</span>
            </Link>
            <nav aria-label={t("app.navigation")} className="flex-1">
              <ul className="space-y-0.5">
                <SideLinks />
              </ul>
            </nav>
            <Preferences />
          </aside>
        ) : null}
        <main id="content" tabIndex={-1} className="flex min-w-0 flex-1 flex-col outline-none md:overflow-y-auto">
          {children}
        </main>
      </div>
      {wide ? null : (
        <nav
          aria-label={t("app.navigation")}
          className="fixed inset-x-0 bottom-0 z-40 border-t border-line bg-panel pb-[env(safe-area-inset-bottom)]"
        >
          <ul className="flex">
            <BottomLinks />
          </ul>
        </nav>
      )}
    </>
  );
}
