/** Asks the gateway; every failure becomes an ApiError with what it said and its request's id. */

export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    /** HTTP's; null: no answer came */
    readonly status: number | null,
    readonly title: string,
    readonly detail: string | null,
    readonly requestId: string | null,
  ) {
    super(detail ?? title);
  }

  /** Would the same question get another answer later? */
  get passing(): boolean {
    return this.status === null || this.status >= 500;
  }
}

function text(body: unknown, field: string): string | null {
  if (typeof body !== "object" || body === null || !(field in body)) return null;
  const value = (body as Record<string, unknown>)[field];
  return typeof value === "string" ? value : null;
}

async function problemOf(response: Response): Promise<ApiError> {
  let body: unknown = null;
  try {
    body = await response.json();
  } catch {
    // a proxy's page, or nothing: the status has to do
  }
  return new ApiError(
    response.status,
    text(body, "title") ?? `HTTP ${response.status}`,
    text(body, "detail"),
    text(body, "request_id") ?? response.headers.get("X-Request-Id"),
  );
}

type Parameter = string | number | null | undefined | readonly string[];
export type Parameters = Readonly<Record<string, Parameter>>;

/** A path with its query; null and undefined are left out, a list is said value by value. */
export function address(path: string, parameters: Parameters = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    const values = typeof value === "object" && value !== null ? value : [value];
    for (const each of values) {
      if (each !== null && each !== undefined) query.append(name, String(each));
    }
  }
  const said = query.toString();
  return said === "" ? path : `${path}?${said}`;
}

/**
 * GET, as JSON.
 *
 * @throws ApiError: no answer, or one that is no 2xx.
 */
export async function get<T>(
  path: string,
  parameters: Parameters = {},
  signal?: AbortSignal,
): Promise<T> {
  let response: Response;
  try {
    response = await fetch(address(path, parameters), {
      headers: { Accept: "application/json" },
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(null, "unreachable", null, null);
  }
  if (!response.ok) throw await problemOf(response);
  return (await response.json()) as T;
}
