from page_text import text


def test_home_shows_models_data_and_links(page, flagship, with_sample):
    test = page("home")
    table = test.table[0].value.to_dict("records")
    assert table[0]["Model"] == "flagship"
    assert table[0]["Test accuracy"] == f"{flagship.card.test_accuracy:.2%}"
    assert table[0]["Validation accuracy"] == flagship.card.validation
    assert table[0]["Parameters"] == f"{flagship.card.parameters:,}"
    assert [metric.value for metric in test.metric] == ["1,297", "200", "300"]
    for digit in range(10):
        assert f'alt="a {digit}"' in text(test)
    labels = [link.proto.label for link in test.get("page_link")]
    for label in ("Draw", "Train", "Errors"):
        assert f"**{label}**" in labels


def test_optimistic_validation_accuracy_is_starred(page, make_run, with_sample):
    make_run("classic", "keras-cnn", events=[], card={"status": "finished", "validation_seen": True})
    test = page("home")
    assert test.table[0].value["Validation accuracy"][0].endswith("%*")
    assert "\\*" in text(test)
