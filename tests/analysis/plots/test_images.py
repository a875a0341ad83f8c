"""Figures made of small pictures."""

from __future__ import annotations

import numpy as np
import pytest
from figures import NAN, draw, texts
from matplotlib.figure import Figure

from ibsweep.analysis import plots


def test_kernels_share_one_scale():
    trained = np.array([[[1.0, -3.0], [0, 0]], [[2.0, 0], [0, 0]]])
    info = plots.kernels_info(trained[:, None], -trained / 2)
    assert info.trained.shape == (2, 2, 2)
    assert info.scale == 3
    assert info.shape == (2, 2)
    figure = Figure()
    axes = plots.plot_kernels(figure.subplots(*info.shape, squeeze=False), info)
    assert {image.get_clim() for ax in axes.flat for image in ax.images} == {(-3, 3)}
    np.testing.assert_array_equal(axes[1, 0].images[0].get_array(), trained[0])
    np.testing.assert_array_equal(axes[0, 0].images[0].get_array(), -trained[0] / 2)
    assert [axes[0, 0].get_ylabel(), axes[1, 0].get_ylabel()] == ["untrained", "trained"]


def test_one_kernel_and_kernels_without_a_scale_draw():
    for kernels in (np.zeros((1, 3, 3)), np.full((1, 3, 3), NAN)):
        info = plots.kernels_info(kernels, kernels)
        assert info.scale == 0
        assert "trained" in texts(draw(plots.plot_kernels, info, info.shape))


@pytest.mark.parametrize(
    ("trained", "untrained"),
    [
        ((3, 3), (3, 3)),
        ((2, 2, 3, 3), (2, 2, 3, 3)),
        ((0, 3, 3), (0, 3, 3)),
        ((2, 3, 3), (1, 3, 3)),
    ],
)
def test_kernels_of_another_shape_are_refused(trained, untrained):
    with pytest.raises(ValueError, match="but got"):
        plots.kernels_info(np.zeros(trained), np.zeros(untrained))


def pictures(seed=0):
    images = np.random.RandomState(seed).randint(0, 256, (6, 4, 4)).astype(np.uint8)
    return images, np.array([0, 1, 0, 1, 1, 0])


def test_the_dataset_shows_the_first_images_of_each_class():
    images, labels = pictures()
    info = plots.dataset_info(images, labels, ["a", "b"], each=2)
    np.testing.assert_array_equal(info.images, [images[[0, 2]], images[[1, 3]]])
    assert info.restored is None
    assert info.shape == (2, 2)
    assert {"a", "b"} <= set(texts(draw(plots.plot_dataset, info, info.shape)))


def test_permuted_images_are_restored_beside():
    images, labels = pictures()
    order = np.random.RandomState(1).permutation(16)
    permuted = images.reshape(6, 16)[:, order].reshape(images.shape)
    info = plots.dataset_info(permuted, labels, ["a", "b"], unpermutater=np.argsort(order), each=3)
    np.testing.assert_array_equal(info.restored, [images[labels == 0], images[labels == 1]])
    assert not np.array_equal(info.images, info.restored)
    assert info.shape == (2, 6)
    drawn = texts(draw(plots.plot_dataset, info, info.shape))
    assert {"permuted", "restored"} <= set(drawn)


def test_restored_images_are_those_the_task_drew_without_a_permutation():
    from ibsweep.data.edges.images import draw_permutation

    images, labels = pictures()
    permutater, unpermutater = draw_permutation(4, np.random.RandomState(3))
    permuted = images.reshape(6, 16)[:, permutater].reshape(images.shape)
    info = plots.dataset_info(permuted, labels, ["a", "b"], unpermutater=unpermutater, each=1)
    np.testing.assert_array_equal(info.restored[0, 0], images[0])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": np.zeros((6, 4, 4))}, "must be uint8"),
        ({"images": np.zeros((6, 16), np.uint8)}, "shape"),
        ({"labels": [0, 1]}, "a class for each image"),
        ({"each": 4}, "each=4 images, but got 3 of 'a'"),
        ({"unpermutater": [0, 0, 1]}, "each pixel's position once"),
    ],
)
def test_images_that_do_not_fit_are_refused(changes, message):
    images, labels = pictures()
    given = {"images": images, "labels": labels, "each": 2, **changes}
    with pytest.raises(ValueError, match=message):
        plots.dataset_info(given.pop("images"), given.pop("labels"), ["a", "b"], **given)
