import { useTranslation } from "react-i18next";

import type { Reading } from "../api/types";
import { algorithmOf, shareOfExpected } from "../fleet/miner";
import { Figure, Figures } from "../ui/Figure";
import { OfExpected } from "../ui/OfExpected";
import { toneOfAnomaly, toneOfChip, type Tone } from "../ui/tone";
import { useFormat } from "../ui/useFormat";
import { joined } from "../units/format";

/** Only what is not well is coloured. */
function loud(tone: Tone): Tone | undefined {
  return tone === "ok" ? undefined : tone;
}

const METRICS = [
  "hashrate_hs",
  "power_w",
  "chip_temp_max_c",
  "pcb_temp_max_c",
  "efficiency_j_per_th",
  "fan_rpm",
  "reject_ratio",
] as const;

/** From here on an anomaly says which metric it is of. */
const STRANGE = 0.3;

function Anomaly({ reading }: { reading: Reading }) {
  const { t } = useTranslation();
  const format = useFormat();
  const score = reading.anomaly_score;
  const scores = reading.anomaly_scores ?? {};
  const worst = Object.keys(scores).sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0))[0];
  const metric = METRICS.find((each) => each === worst);
  return (
    <Figure
      label={t("miner.anomaly")}
      value={score == null ? null : { text: format.number(score, 2), unit: "" }}
      tone={score == null ? undefined : loud(toneOfAnomaly(score))}
    >
      {score == null && reading.hashrate_hs != null ? t("miner.anomalyUnscored") : null}
      {score != null && score < STRANGE ? t("miner.anomalyNone") : null}
      {score != null && score >= STRANGE && metric !== undefined
        ? t("miner.anomalyBy", { metric: t(`miner.metric.${metric}`) })
        : null}
    </Figure>
  );
}

function Shares({ reading }: { reading: Reading }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { accepted_total: accepted, rejected_total: rejected } = reading;
  const all = (accepted ?? 0) + (rejected ?? 0);
  return (
    <Figure
      label={t("miner.shares")}
      value={accepted == null ? null : { text: format.count(accepted), unit: "" }}
    >
      {accepted != null && (rejected == null || all === 0) ? t("miner.accepted") : null}
      {rejected != null && all > 0
        ? t("miner.rejectedShare", { share: format.share(rejected / all) })
        : null}
    </Figure>
  );
}

function Temperature({ reading }: { reading: Reading }) {
  const { t } = useTranslation();
  const format = useFormat();
  const { chip_temp_max_c: chip, pcb_temp_max_c: pcb, inlet_temp_c: inlet, outlet_temp_c: outlet } = reading;
  const said = [
    pcb == null ? null : t("miner.pcbTemp", { temp: joined(format.celsius(pcb)) }),
    inlet == null || outlet == null
      ? null
      : t("miner.airTemp", {
          inlet: joined(format.celsius(inlet)),
          outlet: joined(format.celsius(outlet)),
        }),
  ];
  return (
    <Figure
      label={t("miner.chipTemp")}
      value={chip == null ? null : format.celsius(chip)}
      tone={chip == null ? undefined : loud(toneOfChip(chip))}
    >
      {said.filter((each) => each !== null).join(" · ")}
    </Figure>
  );
}

/** Has it said anything that a figure could show? One that is silent has not. */
export function hasFigures(reading: Reading): boolean {
  const { hashrate_hs, power_w, chip_temp_max_c, accepted_total, fan_rpm } = reading;
  const said = [hashrate_hs, power_w, chip_temp_max_c, accepted_total];
  return said.some((each) => each != null) || (fan_rpm ?? []).length > 0;
}

/** What the miner says of itself now. */
export function KeyFigures({ reading }: { reading: Reading }) {
  const { t } = useTranslation();
  const format = useFormat();
  const algorithm = algorithmOf(reading);
  const share = shareOfExpected(reading);
  const { hashrate_hs: hashrate, efficiency_j_per_th: efficiency, power_w: power } = reading;
  const fans = reading.fan_rpm ?? [];
  const stopped = fans.filter((rpm) => rpm === 0).length;
  return (
    <Figures>
      <Figure
        label={t("miner.hashrate")}
        value={hashrate == null ? null : format.hashrate(hashrate, algorithm)}
      >
        {hashrate == null ? null : <OfExpected share={share} />}
      </Figure>
      <Temperature reading={reading} />
      <Figure label={t("miner.power")} value={power == null ? null : format.power(power)}>
        {efficiency == null ? "" : joined(format.efficiency(efficiency, algorithm))}
      </Figure>
      <Figure
        label={t("miner.fans")}
        value={fans.length === 0 ? null : { text: format.count(Math.min(...fans)), unit: "rpm" }}
        tone={stopped > 0 && reading.status === "mining" ? "bad" : undefined}
      >
        <span title={t("fleet.fansTitle", { rpm: fans.map((rpm) => format.count(rpm)).join(" · ") })}>
          {fans.map((rpm) => format.count(rpm)).join(" · ")}
        </span>
      </Figure>
      <Shares reading={reading} />
      <Anomaly reading={reading} />
    </Figures>
  );
}
