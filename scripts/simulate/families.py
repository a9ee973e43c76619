"""Which families a simulated chain can have, and how the story of each begins."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from scripts.simulate.box_story import BoxPlan, BoxStory
from scripts.simulate.box_world import BoxWorld
from scripts.simulate.mixed import MixedStory
from scripts.simulate.plan import Plan
from scripts.simulate.players import Players
from scripts.simulate.state import World
from scripts.simulate.story import Story as CurveStory
from scripts.simulate.transaction import Story

if TYPE_CHECKING:
    from scripts.simulate.chain import Setting


def begin(setting: "Setting") -> Story:
    """The story of a setting's family, or of its families together."""
    stories = [_BEGINNINGS[family](setting) for family in setting.families]
    return stories[0] if len(stories) == 1 else MixedStory(stories)


def _curve_raffles(setting: "Setting") -> Story:
    world, players = World(setting.seed), Players(setting.seed, setting.players)
    plan = Plan(seasons=setting.seasons, trades=setting.trades, is_endless=setting.is_endless)
    trades_max = None if setting.is_endless else setting.trades
    return CurveStory(world, players, plan, trades_max=trades_max)


def _box_raffles(setting: "Setting") -> Story:
    world, players = BoxWorld(setting.seed), Players(setting.seed, setting.players)
    plan = BoxPlan(setting.seed, setting.seasons, setting.trades, setting.is_endless)
    return BoxStory(world, players, plan)


_BEGINNINGS: dict[str, Callable[["Setting"], Story]] = {
    "curve-raffle": _curve_raffles,
    "box-raffle": _box_raffles,
}
