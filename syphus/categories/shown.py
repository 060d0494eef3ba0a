"""Which demonstrations a scene is shown: all of the folder's, or a draw of them with replies that were accepted before.

Drawing makes the replies more varied, and the constant part of prompts less constant: providers keep a prefix that comes
again. So scenes are put into a few groups by their ids, and a draw is made for each group and not for each scene.
"""

from syphus.categories.category import Category, Demonstration
from syphus.identity import draw_number, draw_order


def shown_to(category: Category, scene_id: str, seed: int) -> tuple[Demonstration, ...]:
    """The demonstrations that stand before a scene, those written by hand first.

    Args:
        category: ``[demonstrations]`` of its file says how many of each kind are drawn.
        scene_id: a scene never sees its own accepted reply.
        seed: the run's.
    """
    pool = category.file.demonstrations
    if not pool.draws:
        return category.demonstrations
    group = draw_number(seed, "group", category.name, scene_id) % pool.groups
    key = (seed, category.name, "demonstrations", group)
    written = draw_order(category.demonstrations, *key, "written")[: pool.draw]
    accepted = [one for one in draw_order(category.accepted, *key, "accepted") if one.scene.id != scene_id]
    # In the folder's order: what was drawn is a set, and equal sets shall be one prefix.
    order = {id(one): rank for rank, one in enumerate(category.demonstrations)}
    return (*sorted(written, key=lambda one: order[id(one)]), *accepted[: pool.accepted])
