"""A reader in a headless browser who answers a study by a script."""

import contextlib
import shutil

import pytest
from playwright.sync_api import sync_playwright

SIZES = {390: 844, 1440: 900}


@contextlib.contextmanager
def browser(profile, width=1440, touch=False, **options):
    """A page of chromium without a network; what it keeps lies in `profile`.

    Args:
        profile: Folder; opened again, it is the browser of the same person.
        width: Width in pixels, a key of `SIZES`.
        touch: Whether it is a device for fingers.
        **options: Of Playwright's `launch_persistent_context`.
    """
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if not chromium:
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            str(profile),
            executable_path=chromium,
            args=["--no-sandbox"],
            viewport={"width": width, "height": SIZES[width]},
            has_touch=touch,
            is_mobile=touch,
            offline=True,
            accept_downloads=True,
            **options,
        )
        context.set_default_timeout(10_000)
        yield context.pages[0]
        context.close()


class ScriptedReader:
    """Answers a page as `answer_of` says, by keys or by touch.

    Args:
        page: Page of a browser.
        code: Code of the reader.
        answer_of: Function of the ids of the pictures' data and the name of a question,
            giving the number of the option, or a list of them.
        touch: Answer by touch, else by keys.
    """

    def __init__(self, page, code, answer_of, touch=False):
        self.page, self.code, self.answer_of, self.touch = page, code, answer_of, touch
        self.errors = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def open(self, path):
        self.page.goto(path.as_uri())
        label = self.page.locator("#readers label", has_text=self.code)
        begin = self.page.get_by_role("button", name="Begin")
        if self.touch:
            label.tap()
            begin.tap()
        else:
            label.locator("input").focus()
            self.page.keyboard.press("Space")
            begin.focus()
            self.page.keyboard.press("Enter")

    @property
    def place(self):
        """Number of the picture that is shown, from 1; None at the end."""
        if not self.page.locator("#reading").is_visible():
            return None
        return int(self.page.locator("#place").inner_text().split()[1])

    def answer(self, n=None):
        """Answer `n` pictures, or all that are left."""
        n_done = 0
        while self.place is not None and n_done != n:
            self._answer_picture()
            n_done += 1

    def _answer_picture(self):
        answered = set()
        shown = self.page.evaluate(
            "[...document.querySelectorAll('#pictures img')].map(each => each.src)"
        )
        while True:
            asked = self.page.evaluate(
                "[...document.querySelectorAll('#questions fieldset')]"
                ".map(each => each.dataset.question)"
            )
            left = [name for name in asked if name not in answered]
            if not left:
                break
            answered.add(left[0])
            chosen = self.answer_of(shown, left[0])
            several = isinstance(chosen, list)
            for number in chosen if several else [chosen]:
                self._choose(left[0], number)
            if several and len(left) > 1 and not self.touch:
                self.page.keyboard.press("Enter")
        if self.touch:
            self.page.locator("#next").tap()
        else:
            self.page.keyboard.press("Enter")

    def _choose(self, question, number):
        if self.touch:
            self.page.locator(f'label[for="{question}-{number}"]').tap()
        else:
            self.page.keyboard.press("1234567890abcdef"[number])

    def save(self, folder):
        """Save the file of answers, and return its path."""
        with self.page.expect_download() as download:
            button = self.page.locator(".save:visible")
            button.tap() if self.touch else button.click()
        path = folder / download.value.suggested_filename
        download.value.save_as(path)
        return path
