import { useTranslation } from "react-i18next";

import type { SystemAnswer } from "../api/types";
import { Figure, Figures } from "../ui/Figure";
import { useFormat } from "../ui/useFormat";
import { joined } from "../units/format";
import { hopsOf } from "./figures";

const KNOWN = ["published", "processor", "stored", "pushed"] as const;

/** How old an event is at each hop of its way: half are younger than the large figure. */
export function Hops({ answer }: { answer: SystemAnswer }) {
  const { t } = useTranslation();
  const format = useFormat();
  const hops = hopsOf(answer);
  if (hops.length === 0) return null;
  return (
    <section
      aria-label={t("system.group.freshness")}
      title={t("system.groupMeaning.freshness")}
      className="rounded-lg border border-line bg-panel"
    >
      <Figures>
        {hops.map(({ hop, service, p50, p99 }) => {
          const known = KNOWN.find((each) => each === hop);
          return (
            <Figure
              key={`${service} ${hop}`}
              label={known === undefined ? hop : t(`system.hop.${known}`)}
              value={p50 === null ? null : format.brief(p50 * 1_000)}
            >
              {p99 === null
                ? t("system.none")
                : t("system.spread", { p99: joined(format.brief(p99 * 1_000)) })}
            </Figure>
          );
        })}
      </Figures>
    </section>
  );
}
