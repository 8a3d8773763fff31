import { signIn } from "@/api/core";
import { rememberExpiry } from "@/api/refresh";

/**
 * Sign in this browser. No script is given a token: the browser keeps them as cookies.
 *
 * @throws ApiError when it is refused.
 */
export async function signInByPassword(email: string, password: string): Promise<void> {
  const { data } = await signIn({ body: { email, password, cookies: true }, throwOnError: true });
  rememberExpiry(data.expires_at);
}
