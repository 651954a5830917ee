import { useTranslation } from "react-i18next";

import { ApiError } from "../api/client";
import { PageHeader } from "../shell/PageHeader";
import { useNow } from "../ui/now";
import { Empty, Failure } from "../ui/Notice";
import { Panel } from "../ui/Panel";
import { SkeletonLines } from "../ui/Skeleton";
import { useFormat } from "../ui/useFormat";
import { FigureGroup } from "./FigureGroup";
import { GROUPS, type Group } from "./figures";
import { Hops } from "./Hops";
import { Services } from "./Services";
import { useSystem } from "./useSystem";

const NAMES = Object.keys(GROUPS) as Group[];

function Content() {
  const { t } = useTranslation();
  const format = useFormat();
  const now = new Date(useNow());
  const system = useSystem();
  const look = system.data;
  if (look === undefined) {
    if (system.error === null) return <SkeletonLines label={t("system.loading")} lines={9} />;
    if (system.error instanceof ApiError && system.error.status === 404) {
      return <Empty title={t("system.missing")}>{t("system.missingBody")}</Empty>;
    }
    const retry = () => void system.refetch();
    return <Failure title={t("system.failed")} error={system.error} retry={retry} />;
  }
  const at = format.instant(new Date(look.answer.at), now);
  return (
    <div className="space-y-4 px-4 pt-4 pb-20 md:px-6 md:pb-6">
      {system.error === null ? null : <Failure title={t("system.failed")} error={system.error} />}
      <Hops answer={look.answer} />
      <Panel
        title={t("system.services")}
        aside={<span className="text-xs text-ink-3">{t("system.asOf", { time: at })}</span>}
        flush
      >
        {look.answer.services.length === 0 ? (
          <Empty title={t("system.empty")}>{t("system.emptyBody")}</Empty>
        ) : (
          <Services look={look} />
        )}
      </Panel>
      <div className="gap-4 space-y-4 xl:columns-2">
        {NAMES.map((group) => (
          <FigureGroup key={group} group={group} look={look} />
        ))}
      </div>
    </div>
  );
}

/** The services that make all this, and how they fare. */
export default function SystemPage() {
  const { t } = useTranslation();
  return (
    <>
      <PageHeader title={t("system.title")}>
        <h1 className="text-base font-semibold tracking-tight">{t("system.title")}</h1>
      </PageHeader>
      <Content />
    </>
  );
}
