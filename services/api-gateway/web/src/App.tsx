import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { Tooltip } from "radix-ui";
import { lazy, Suspense } from "react";
import { useTranslation } from "react-i18next";
import { Link, Route, Switch, useLocation } from "wouter";

import { AlertToasts } from "./alerts/AlertToasts";
import { ApiError } from "./api/client";
import { FleetPage } from "./fleet/FleetPage";
import { LiveProvider, type Live } from "./live";
import { Boundary } from "./shell/Boundary";
import { ConnectionToasts } from "./shell/ConnectionToasts";
import { PageHeader } from "./shell/PageHeader";
import { Shell } from "./shell/Shell";
import { useMedia, WIDE } from "./ui/media";
import { Empty } from "./ui/Notice";
import { Skeleton } from "./ui/Skeleton";
import { Toasts } from "./ui/Toasts";

const AlertsPage = lazy(() => import("./alerts/AlertsPage"));
const MinerPage = lazy(() => import("./miner/MinerPage"));
const SystemPage = lazy(() => import("./system/SystemPage"));

const RETRIES = 2;

export function makeQueries(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 5_000,
        // what the gateway refuses it refuses again
        retry: (count, error) => count < RETRIES && error instanceof ApiError && error.passing,
      },
    },
  });
}

function NotFound() {
  const { t } = useTranslation();
  return (
    <>
      <PageHeader title={t("error.notFound")}>
        <h1 className="text-base font-semibold">{t("error.notFound")}</h1>
      </PageHeader>
      <Empty title={t("error.notFound")}>
        <Link href="/" className="rounded underline underline-offset-2 hover:text-ink">
          {t("error.home")}
        </Link>
      </Empty>
    </>
  );
}

function Pages() {
  const [at] = useLocation();
  return (
    // a page that broke is left behind by going to another
    <Boundary key={at}>
      <Suspense fallback={<Skeleton className="m-6 h-24" />}>
        <Switch>
          <Route path="/" component={FleetPage} />
          <Route path="/miners/:id">{({ id }) => <MinerPage id={id} key={id} />}</Route>
          <Route path="/alerts" component={AlertsPage} />
          <Route path="/system" component={SystemPage} />
          <Route component={NotFound} />
        </Switch>
      </Suspense>
    </Boundary>
  );
}

export function App({ live, queries }: { live: Live; queries: QueryClient }) {
  const wide = useMedia(WIDE);
  return (
    <QueryClientProvider client={queries}>
      <LiveProvider value={live}>
        <Tooltip.Provider delayDuration={250}>
          <Shell wide={wide}>
            <Pages />
          </Shell>
          <ConnectionToasts />
          <AlertToasts />
          <Toasts />
        </Tooltip.Provider>
      </LiveProvider>
    </QueryClientProvider>
  );
}
