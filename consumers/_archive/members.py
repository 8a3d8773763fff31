"""The members of an archive, opened one after the other."""

from __future__ import annotations

from collections.abc import AsyncIterator

from headrace.task import Context

from .contents import Contents
from .names import MemberNames, make_safe
from .zip_stream import Member


class Members:
    """Opens the files of an archive and names its members.

    Args:
        context: Opens the files, and is told how far the archive is.
        contents: What the archive has.
        renamed_max: How many that have another name are remembered.

    Attributes:
        count: How many files were opened.
        size: Their bytes.
        renamed: The first files that are called otherwise in the archive, with what they are called.
    """

    def __init__(self, context: Context, contents: Contents, renamed_max: int) -> None:
        self.count = self.size = 0
        self.renamed: list[tuple[str, str]] = []
        self._context, self._contents, self._renamed_max = context, contents, renamed_max

    async def open_all(self) -> AsyncIterator[Member]:
        """Open each file, and give it as a member.

        Raises:
            FileError: One of them is gone.
        """
        names, folder, total = MemberNames(), "", self._contents.total
        async for content in self._contents.each:
            if content.folder != folder:
                # Names are told apart within a folder.
                names, folder = MemberNames(), content.folder
            opened = await self._context.open(content.file)
            wanted = content.name or opened.name
            name = names.add(wanted)
            if name != wanted and len(self.renamed) < self._renamed_max:
                self.renamed.append((content.file, name))
            yield Member(f"{make_safe(folder)}/{name}" if folder else name, opened.media_type, opened.size, opened)
            self.count, self.size = self.count + 1, self.size + opened.size
            await self._context.progress(self.count / total, f"{self.count:,} of {total:,} files")
