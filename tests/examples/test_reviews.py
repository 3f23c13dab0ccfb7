"""The simulated reviews have the structure that the description claims.

Seeded tables of 20,000 rows: shares have a standard error of at most 0.004, so the distances
asserted here (0.03 and more) hold or fail for structure, not for chance.
"""

from __future__ import annotations

import polars as pl
import pytest

from synthkit.examples import draws, reviews

C = pl.col


@pytest.fixture(scope="module")
def table() -> pl.DataFrame:
    return reviews.simulate()


def share(table: pl.DataFrame, condition: pl.Expr, value: pl.Expr) -> float:
    return float(table.filter(condition).select(value.mean()).item())


def test_customers_have_one_to_twenty_rows_with_a_heavy_tail(table):
    rows = table.group_by("customer_id").len().get_column("len")
    assert 9_000 <= len(rows) <= 10_000
    assert rows.max() == 20
    assert 0.55 < (rows == 1).mean() < 0.75
    assert (rows >= 10).sum() > 150


def test_what_belongs_to_a_customer_is_the_same_in_all_rows(table):
    per_customer = table.group_by("customer_id").agg(
        C("age", "country", "customer_segment").n_unique()
    )
    assert per_customer.drop("customer_id").max().row(0) == (1, 1, 1)


def functional(table: pl.DataFrame) -> bool:
    """Whether the product determines its category."""
    return table.group_by("product").agg(C("category").n_unique())["category"].max() == 1


def test_the_product_determines_the_category(table):
    assert functional(table)
    assert table.get_column("product").n_unique() == 40
    assert not functional(table.with_columns(C("category").reverse())), "a planted break is caught"


def test_ratings_are_j_shaped(table):
    counts = dict(table.get_column("rating").value_counts().iter_rows())
    assert counts[5] > counts[4] > counts[3] > counts[2]
    assert counts[1] > counts[2]
    assert 0.4 < counts[5] / table.height < 0.65


def test_rating_rises_with_the_match_of_segment_and_category(table):
    match = {
        (s, c): reviews.MATCH[i, j]
        for i, s in enumerate(reviews.SEGMENTS)
        for j, c in enumerate(reviews.CATEGORIES)
    }
    cells = table.group_by("customer_segment", "category").agg(C("rating").mean())
    frame = pl.DataFrame(
        {
            "match": [match[s, c] for s, c, _ in cells.iter_rows()],
            "rating": cells.get_column("rating"),
        }
    )
    assert frame.select(pl.corr("match", "rating", method="spearman")).item() > 0.8


def test_sentiment_and_recommendation_rise_with_rating(table):
    by_rating = (
        table.group_by("rating")
        .agg(
            (C("sentiment") == "positive").mean().alias("positive"),
            (C("sentiment") == "negative").mean().alias("negative"),
            C("recommended").mean(),
        )
        .sort("rating")
    )
    assert by_rating.get_column("positive").is_sorted()
    assert by_rating.get_column("negative").is_sorted(descending=True)
    assert by_rating.get_column("recommended").is_sorted()
    assert by_rating.get_column("recommended")[0] < 0.1
    assert by_rating.get_column("recommended")[4] > 0.9


def test_segments_choose_tiers_and_tiers_set_prices(table):
    premium = C("price_tier") == "premium"
    bargain = share(table, C("customer_segment") == "bargain", premium)
    quality = share(table, C("customer_segment") == "quality", premium)
    assert quality - bargain > 0.3
    medians = [
        table.filter(C("price_tier") == t).get_column("price").median() for t in reviews.TIERS
    ]
    assert medians[0] * 1.5 < medians[1] < medians[2] / 1.5


def test_aspects_depend_on_sentiment_category_and_segment(table):
    negative, positive = C("sentiment") == "negative", C("sentiment") == "positive"
    delivery = C("mentions_delivery")
    assert share(table, negative, delivery) > 2.5 * share(table, positive, delivery)
    is_worn = C("category").is_in(["clothing", "shoes", "sports"])
    assert share(table, is_worn, C("mentions_fit")) > 10 * share(table, ~is_worn, C("mentions_fit"))
    bargain = C("customer_segment") == "bargain"
    prices = C("mentions_price")
    assert share(table, bargain, prices) - share(table, ~bargain, prices) > 0.15


def test_helpful_votes_have_a_spike_at_zero_and_a_heavy_tail(table):
    votes = table.get_column("helpful_votes")
    assert 0.55 < (votes == 0).mean() < 0.7
    assert votes.max() > 100
    assert votes.max() <= reviews.MOST_VOTES
    assert votes.quantile(0.99) > 15


def test_ages_are_missing_for_one_customer_in_sixteen_and_follow_the_segment(table):
    customers = table.unique("customer_id")
    assert abs((customers.get_column("age") == "N").mean() - 1 / 16) < 0.015
    ages = customers.filter(C("age") != "N").with_columns(C("age").cast(pl.Int64))
    means = dict(ages.group_by("customer_segment").agg(C("age").mean()).iter_rows())
    assert means["trend"] < 33 < 40 < means["bargain"] < means["quality"] < means["loyal"]


def test_seasons(table):
    month = C("date").dt.month()
    counts = dict(table.group_by(month).len().iter_rows())
    assert max(counts, key=counts.get) == 12
    garden = C("category") == "garden"
    assert share(table, month == 5, garden) > 3 * share(table, month == 1, garden)
    assert table.get_column("date").min() >= pl.Series(["2023-01-01"]).str.to_date()[0]
    assert table.get_column("date").max() <= pl.Series(["2024-12-31"]).str.to_date()[0]


def test_texts_repeat_the_mood_and_hold_no_empty_gaps(table):
    texts = table.get_column("review_text")
    assert texts.str.contains("  ").sum() == 0
    assert texts.str.ends_with(".").mean() > 0.5
    quick = table.filter(texts.str.contains("Delivery was quick"))
    assert quick.get_column("mentions_delivery").all()
    assert (quick.get_column("sentiment") == "positive").all()


def test_persons_of_rows_keeps_to_its_limits():
    import numpy as np

    rows = draws.persons_of_rows(50_000, exponent=2.0, most=7, rng=np.random.default_rng(0))
    counts = np.bincount(rows)
    assert rows.size == 50_000
    assert counts.min() >= 1
    assert counts.max() == 7
    ratio = np.sum(counts == 1) / np.sum(counts == 2)
    assert abs(ratio - 4.0) < 0.3
