"""Signing in and out, asking for an account, preferences, and the page of a follow link."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Page, expect

from headrace.contracts.identity import Role
from tests.flow.identity.session_steps import PASSWORD
from tests.web.conftest import MakeWeb
from tests.web.installation import DESKTOP, PHONE, Device, Web
from tests.web.watched import Watched

PATIENT: Any = {"timeout": 30_000}
SIGN_IN = re.compile("/sign-in")


async def _sign_in(page: Page, email: str, password: str = PASSWORD) -> None:
    await page.get_by_label("Email address").fill(email)
    await page.get_by_label("Password", exact=True).fill(password)
    await page.get_by_role("button", name="Sign in").click()


async def _is_in(shown: Watched, path: str = "/") -> None:
    await shown.page.wait_for_url(f"{shown.url}{path}")
    await expect(shown.page.get_by_role("navigation").first).to_be_visible()


async def test_who_signs_in_by_password_comes_to_where_they_were_going(web: Web) -> None:
    _, email = await web.make_member()
    shown = await web.open("/tasks?state=failed")
    await expect(shown.page).to_have_url(SIGN_IN)
    await shown.is_accessible()
    await _sign_in(shown.page, email, "not the password")
    await expect(shown.page.get_by_role("alert")).to_contain_text("is wrong")
    await expect(shown.page.get_by_label("Password", exact=True)).to_be_focused()
    await _sign_in(shown.page, email)
    await _is_in(shown, "/tasks?state=failed")


@pytest.mark.slow
async def test_who_signs_out_is_signed_out_in_all_tabs_and_has_left_nothing(web: Web) -> None:
    _, email = await web.make_member()
    shown = await web.open("/sign-in")
    await _sign_in(shown.page, email)
    await _is_in(shown)
    tab = await shown.another_tab("/tasks")
    await expect(tab.page.get_by_role("navigation").first).to_be_visible()
    await shown.page.get_by_role("button", name="Your account").click()
    await shown.page.get_by_role("menuitem", name="Sign out").click()
    await expect(shown.page.get_by_text("You are signed out.")).to_be_visible(**PATIENT)
    await expect(tab.page.get_by_text("You signed out in another tab.")).to_be_visible(**PATIENT)
    assert await shown.page.context.cookies() == []
    assert await shown.page.evaluate("Object.keys(sessionStorage).filter((name) => name.startsWith('headrace-'))") == []
    await _sign_in(tab.page, email)
    await _is_in(tab, "/tasks")
    # The first tab sees that somebody has signed in again.
    await _is_in(shown)


@pytest.mark.slow
async def test_somebody_asks_for_an_account_and_is_let_in_when_an_administrator_approves(web: Web) -> None:
    admin = await web.sign_in("/admin/users/pending", role=Role.ADMIN)
    guest = await web.open("/register")
    await guest.is_accessible()
    page, name, email = guest.page, f"Grace {admin.user}", f"{admin.user}-guest@example.com"
    await page.get_by_label("Your name").fill(name)
    await page.get_by_label("Email address").fill(email)
    await page.get_by_label("Password", exact=True).fill("headrace grace")
    await page.get_by_role("button", name="Ask for an account").click()
    await expect(page.locator("[aria-invalid]")).to_have_count(1)
    await page.get_by_label("Password", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Ask for an account").click()
    await expect(page.get_by_role("heading", name="Waiting for approval")).to_be_visible(**PATIENT)
    await guest.is_accessible()

    request = admin.page.get_by_role("listitem", name=name)
    await expect(request).to_contain_text(email, **PATIENT)
    await admin.is_accessible()
    await request.get_by_role("button", name="Reject").click()
    await request.get_by_role("button", name="Cancel").click()
    await request.get_by_role("button", name="Approve").click()
    await expect(request).to_contain_text("Approved.")
    # It is sent once it cannot be taken back any more, and the page that waits goes on by itself.
    await _is_in(guest)
    assert await page.evaluate("fetch('/bff/v1/member/dashboard').then((answer) => answer.status)") == 200
    await expect(request).to_have_count(0, **PATIENT)


@pytest.mark.slow
async def test_who_was_declined_reads_why(web: Web) -> None:
    admin = await web.sign_in(role=Role.ADMIN)
    email = f"{admin.user}-declined@example.com"
    http = web.cluster.http_as(admin.key)
    body = {"email": email, "display_name": "Bob", "password": PASSWORD}
    assert (await http.post("/api/v1/users", json=body)).status_code == 202
    (user,) = (await http.get("/api/v1/users", params={"q": email})).json()["items"]
    decision = {"state": "rejected", "reason": "Nobody here knows you."}
    assert (await http.put(f"/api/v1/users/{user['id']}/decision", json=decision)).status_code == 200
    shown = await web.open("/sign-in")
    await _sign_in(shown.page, email)
    await expect(shown.page.get_by_role("heading", name="Your request was declined")).to_be_visible(**PATIENT)
    await expect(shown.page.get_by_text("Nobody here knows you.")).to_be_visible()


@pytest.mark.slow
async def test_a_session_that_its_owner_ends_elsewhere_is_over_here_with_a_word_about_it(web: Web) -> None:
    _, email = await web.make_member()
    here, there = await web.open("/sign-in"), await web.open("/sign-in")
    for shown in (here, there):
        await _sign_in(shown.page, email)
        await _is_in(shown)
    ended = await there.page.evaluate(
        "fetch('/api/v1/sessions?keep_current=true', {method: 'DELETE', headers: {'X-Headrace-CSRF': '1'}}).then((answer) => answer.status)"
    )
    assert ended == 204
    await expect(here.page.get_by_text("Your session has ended.")).to_be_visible(**PATIENT)
    await expect(there.page.get_by_role("navigation").first).to_be_visible()


@pytest.mark.slow
async def test_a_password_is_changed_and_the_new_one_signs_in(web: Web) -> None:
    _, email = await web.make_member()
    shown = await web.open("/sign-in?to=/password")
    await _sign_in(shown.page, email)
    await _is_in(shown, "/password")
    await shown.is_accessible()
    page = shown.page
    await page.get_by_label("Present password").fill("not the password")
    await page.get_by_label("New password").fill("another sentence to remember")
    await page.get_by_role("button", name="Change password").click()
    await expect(page.get_by_role("alert")).to_contain_text("not the present password")
    await page.get_by_label("Present password").fill(PASSWORD)
    await page.get_by_role("button", name="Change password").click()
    await expect(page.get_by_text("All other sessions have ended.")).to_be_visible(**PATIENT)
    other = await web.open("/sign-in")
    await _sign_in(other.page, email, "another sentence to remember")
    await _is_in(other)


async def test_everything_of_the_shell_is_reached_by_keys_alone(web: Web) -> None:
    _, email = await web.make_member()
    shown = await web.open("/sign-in")
    page = shown.page
    await expect(page.get_by_label("Email address")).to_be_focused()
    await page.keyboard.type(email)
    await page.keyboard.press("Tab")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")
    await _is_in(shown)
    await page.keyboard.press("g")
    await page.keyboard.press("t")
    await page.wait_for_url(f"{web.url}/tasks")
    await expect(page.locator("main h1")).to_be_focused()
    await page.keyboard.press("Control+k")
    box = page.get_by_role("combobox", name="Find or do something")
    await expect(box).to_be_focused()
    await shown.is_accessible()
    await page.keyboard.type("schedules")
    await expect(page.get_by_role("option", name="Schedules", exact=True)).to_have_attribute("aria-selected", "true")
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{web.url}/schedules")
    await expect(box).to_be_hidden()
    await page.keyboard.press("?")
    await expect(page.get_by_role("heading", name="Keys")).to_be_visible()
    await shown.is_accessible()
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("heading", name="Keys")).to_be_hidden()
    # From the top, the first key press offers to skip the navigation.
    await page.goto(f"{web.url}/account")
    await expect(page.locator("main h1")).to_be_visible(**PATIENT)
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator("#content")).to_be_focused()


@pytest.mark.slow
@pytest.mark.parametrize("device", [DESKTOP, PHONE], ids=["desktop", "phone"])
async def test_who_speaks_german_reads_german_and_a_theme_stays(web: Web, device: Device) -> None:
    _, email = await web.make_member()
    shown = await web.open("/sign-in", language="de", device=device)
    page = shown.page
    await expect(page.get_by_role("heading", name="Anmelden")).to_be_visible()
    assert await page.evaluate("document.documentElement.lang") == "de"
    await page.get_by_label("E-Mail-Adresse").fill(email)
    await page.get_by_label("Passwort", exact=True).fill(PASSWORD)
    await page.get_by_role("button", name="Anmelden").click()
    await _is_in(shown)
    await page.get_by_role("button", name="Dunkle Darstellung").click()
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await expect(page.get_by_role("button", name="Helle Darstellung")).to_be_visible()
    await page.goto(f"{web.url}/password")
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await expect(page.get_by_role("heading", name="Passwort ändern")).to_be_visible()
    await shown.is_accessible()
    assert not await shown.scrolls_sideways()


@pytest.mark.slow
async def test_whoever_has_a_follow_link_watches_a_task_on_a_phone_without_an_account(make_web: MakeWeb) -> None:
    web = await make_web("api", "worker", "projector", HEADRACE_API_FOLLOW_SECRETS="f" * 40)
    owner = await web.sign_in()
    submitted = await web.cluster.http_as(owner.key).post(
        "/api/v1/tasks?follow_link=900", json={"kind": "echo", "input": {"text": "The water wheel"}}
    )
    link = submitted.json()["follow_link"]["url"]
    task, token = submitted.json()["id"], link.split("token=")[1]
    guest = await web.open(f"/follow/tasks/{task}#token={token}", device=PHONE)
    await expect(guest.page.get_by_text("succeeded")).to_be_visible(**PATIENT)
    await expect(guest.page.get_by_text("This is how it ended.")).to_be_visible()
    await guest.is_accessible()
    assert not await guest.scrolls_sideways()

    wrong = await web.open(f"/follow/tasks/{task}#token={token[:-4]}AAAA", device=PHONE)
    await expect(wrong.page.get_by_text("This link does not work any more")).to_be_visible(**PATIENT)
    await wrong.is_accessible()
